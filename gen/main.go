// Command gen writes everything that is generated: the assembly with its Go declarations (asm), the dispatch and the
// conformance table (kernels), and the index of the kernels. It deletes what it wrote before, so that nothing outdated
// stays. Nothing that ships imports this package or those below it.
//
//	go generate ./...
package main

//go:generate go run . -root ..

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"sort"
)

func main() {
	root := flag.String("root", ".", "the repository's root")
	flag.Parse()
	if err := write(*root); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

// write replaces every generated file below root.
func write(root string) error {
	files, err := Generate()
	if err != nil {
		return err
	}
	old, err := generated(root)
	if err != nil {
		return err
	}
	for _, name := range old {
		if err := os.Remove(filepath.Join(root, name)); err != nil {
			return err
		}
	}
	names := make([]string, 0, len(files))
	for name := range files {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			return err
		}
		if err := os.WriteFile(path, files[name], 0o666); err != nil {
			return err
		}
	}
	return nil
}

// generated lists the files below root that an earlier run wrote: all of asm, and what carries the prefix in kernels.
func generated(root string) ([]string, error) {
	var names []string
	for _, pattern := range []string{"asm/*.go", "asm/*.s", "kernels/dispatch_*.go", "kernels/table_test.go", "kernels/INDEX.md"} {
		paths, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			return nil, err
		}
		for _, p := range paths {
			name, err := filepath.Rel(root, p)
			if err != nil {
				return nil, err
			}
			names = append(names, filepath.ToSlash(name))
		}
	}
	return names, nil
}
