//go:build cgo && linux

// Command capi is hebbkern's C library: built with -buildmode=c-shared it
// exports the functions of hebbkern.h. It checks, converts and calls packages
// kernels and engine, and holds no logic of its own.
//
//	hebbkern.h   the interface, written by hand
//	table.c      the kernels' arguments and costs, one table
//	check*.c     refuse bad arguments, driven by the table
//	exports.c    the exported functions: check, floating-point mode, call, restore
//	fpmode.c     the floating-point control word
//	python.c     the same functions on Python objects
//	main.go      the calls into Go, each with a recover
//	calls.go     the kernels
//	learn.go     rules and gains
//	stamina.go   stamina, births and deaths, annealing
//	conv.go      windows of images
//	network.go   networks: training and balancing
//	views.go     Go views of the caller's arrays
//
// Without cgo, and elsewhere than on Linux, the folder is empty to the Go tool.
package main
