//go:build (amd64 || arm64) && !purego

package kernels

import "github.com/hebbkern/hebbkern/asm"

// fpmodeDefault sets the calling thread to round to nearest with subnormals
// kept (no flush-to-zero, no denormals-are-zero).
func fpmodeDefault() { asm.SetFPMode() }

// pause tells the processor that the thread waits in a loop.
func pause() { asm.Pause() }
