package main

import (
	"go/build"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestGeneratedIsCurrent generates everything into an empty folder and requires what is committed, file by file, and
// that no generated file is left over from an earlier table.
func TestGeneratedIsCurrent(t *testing.T) {
	files, err := Generate()
	require.NoError(t, err)
	committed, err := generated("..")
	require.NoError(t, err)
	for _, name := range committed {
		require.Contains(t, files, name, "nothing generates this file any more: go generate ./...")
	}
	for name, text := range files {
		got, err := os.ReadFile(filepath.Join("..", name))
		require.NoError(t, err)
		require.Equal(t, string(text), string(got), "%s is not what the generator writes: go generate ./...", name)
		first, _, _ := strings.Cut(string(got), "\n")
		require.Contains(t, first, "Code generated ", name)
		require.Contains(t, first, "DO NOT EDIT.", name)
	}
}

// TestUppersAreCleared: a 256-bit kernel that returns with dirty upper halves slows down every scalar instruction
// after it.
func TestUppersAreCleared(t *testing.T) {
	paths, err := filepath.Glob("../asm/*_amd64.s")
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	for _, p := range paths {
		text, err := os.ReadFile(p)
		require.NoError(t, err)
		if strings.HasSuffix(p, "fpmode_amd64.s") {
			continue
		}
		lines := strings.Split(string(text), "\n")
		returns := 0
		for i, l := range lines {
			if strings.TrimSpace(l) == "RET" {
				returns++
				require.Equal(t, "VZEROUPPER", strings.TrimSpace(lines[i-1]), "%s:%d", p, i+1)
			}
		}
		require.NotZero(t, returns, p)
	}
}

// TestNothingShippedImportsGen: generators are for those who change kernels; a user's build must not need avo.
func TestNothingShippedImportsGen(t *testing.T) {
	for _, folder := range []string{"asm", "kernels", "kernels/internal/portable", "engine", "capi"} {
		for _, arch := range []string{"amd64", "arm64", "riscv64"} {
			ctx := build.Default
			ctx.GOARCH, ctx.CgoEnabled = arch, true
			pkg, err := ctx.ImportDir(filepath.Join("..", folder), 0)
			if _, none := err.(*build.NoGoError); none {
				continue
			}
			require.NoError(t, err)
			for _, path := range pkg.Imports {
				require.NotContains(t, path, "hebbkern/gen", folder)
				require.NotContains(t, path, "avo", folder)
				if folder != "kernels" {
					require.NotEqual(t, "github.com/hebbkern/hebbkern/asm", path, "%s: only kernels may import asm", folder)
				}
			}
		}
	}
}
