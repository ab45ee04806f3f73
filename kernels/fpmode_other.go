//go:build !(amd64 || arm64) || purego

package kernels

// fpmodeDefault has nothing to set where there is no assembly: Go threads start
// in the default mode.
func fpmodeDefault() {}

// pause has no instruction to take where there is no assembly.
func pause() {}
