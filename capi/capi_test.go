//go:build cgo && linux

package main

import (
	"debug/elf"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The library and the one that panics on purpose, built once.
var folder, library, faulty string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		var err error
		if folder, err = os.MkdirTemp("", "hebbkern-capi-"); err != nil {
			panic(err)
		}
		defer os.RemoveAll(folder)
		library = filepath.Join(folder, "libhebbkern.so")
		faulty = filepath.Join(folder, "libhebbkernfault.so")
		for path, tags := range map[string]string{library: "", faulty: "hebbkernfault"} {
			build := exec.Command("go", "build", "-buildmode=c-shared", "-tags", tags, "-o", path, ".")
			if text, err := build.CombinedOutput(); err != nil {
				fmt.Printf("%v\n%s", err, text)
				return 1
			}
		}
		return m.Run()
	}())
}

// compile makes a program from a C file of ctest, with warnings as errors.
func compile(t *testing.T, name string, more ...string) string {
	t.Helper()
	program := filepath.Join(folder, name)
	args := []string{"-std=c11", "-D_GNU_SOURCE", "-O1", "-Wall", "-Wextra", "-Werror", "-I.", "-o", program,
		filepath.Join("ctest", name+".c")}
	text, err := exec.Command("gcc", append(args, more...)...).CombinedOutput()
	require.NoError(t, err, "%s", text)
	return program
}

// linked are the flags to link with a library of folder.
func linked(library string) []string {
	return []string{library, "-Wl,-rpath," + folder, "-lpthread", "-lm"}
}

func run(t *testing.T, program string, args ...string) string {
	t.Helper()
	text, err := exec.Command(program, args...).CombinedOutput()
	require.NoError(t, err, "%s", text)
	return string(text)
}

func TestUse(t *testing.T)    { t.Log(run(t, compile(t, "use", linked(library)...))) }
func TestRefuse(t *testing.T) { run(t, compile(t, "refuse", linked(library)...)) }
func TestNetwork(t *testing.T) {
	run(t, compile(t, "network", linked(library)...))
}
func TestStamina(t *testing.T) {
	run(t, compile(t, "stamina", linked(library)...))
}
func TestCheckpoint(t *testing.T) {
	run(t, compile(t, "checkpoint", linked(library)...), t.TempDir())
}
func TestFault(t *testing.T) { run(t, compile(t, "fault", linked(faulty)...)) }

// The header alone is a C11 and a C++ header.
func TestHeader(t *testing.T) {
	for _, language := range []string{"c", "c++"} {
		check := exec.Command("gcc", "-x", language, "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only", "hebbkern.h")
		text, err := check.CombinedOutput()
		if language == "c++" && err != nil && strings.Contains(string(text), "cc1plus") {
			t.Log("no C++ compiler here: the header is checked as C only")
			continue
		}
		require.NoError(t, err, "%s", text)
	}
}

// Any floating-point mode of the caller, while loading and while calling, gives
// the bits of the default mode and is there again afterwards.
func TestFloatingPointMode(t *testing.T) {
	program := compile(t, "fpmode", "-ldl")
	want := run(t, program, library, "default", "default")
	require.Contains(t, want, "digest")
	for _, load := range []string{"default", "flush", "up"} {
		for _, call := range []string{"default", "flush", "up", "down", "zero"} {
			require.Equal(t, want, run(t, program, library, load, call), "loaded under %s, called under %s", load, call)
		}
	}
}

// The library exports the functions of the header, nothing else by that prefix.
func TestExports(t *testing.T) {
	header, err := os.ReadFile("hebbkern.h")
	require.NoError(t, err)
	var want []string
	for _, m := range regexp.MustCompile(`(?m)^HK_API [^(]*?(hk_\w+)\(`).FindAllStringSubmatch(string(header), -1) {
		want = append(want, m[1])
	}
	require.Len(t, want, strings.Count(string(header), "\nHK_API "))

	file, err := elf.Open(library)
	require.NoError(t, err)
	defer file.Close()
	symbols, err := file.DynamicSymbols()
	require.NoError(t, err)
	var found []string
	for _, s := range symbols {
		if s.Section == elf.SHN_UNDEF {
			require.False(t, strings.HasPrefix(s.Name, "Py"), "%s: the library links against Python", s.Name)
			continue
		}
		require.False(t, strings.HasPrefix(s.Name, "hki_"), "%s is internal", s.Name)
		if strings.HasPrefix(s.Name, "hk_") {
			found = append(found, s.Name)
		}
	}
	slices.Sort(want)
	slices.Sort(found)
	require.Equal(t, want, found)
}
