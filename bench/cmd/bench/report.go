//go:build cgo

package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"time"
)

// A row is one timing: a limit or a kernel at one size, type and thread count in one run.
type row struct {
	Run     int     `json:"run"`
	Name    string  `json:"name"`
	Size    int     `json:"size"`
	Type    string  `json:"type"`
	Threads int     `json:"threads"`
	IsLimit bool    `json:"is_limit,omitempty"`
	Form    int     `json:"form,omitempty"` // the best form of a limit
	Limit   string  `json:"limit"`
	Roots   float64 `json:"roots,omitempty"` // square roots an element
	Seconds float64 `json:"seconds"`
	GBs     float64 `json:"gb_s"`
	Gelem   float64 `json:"gelem_s"`
	Ratio   float64 `json:"ratio,omitempty"` // limit's seconds / this one's; 1 is the limit
	Bound   string  `json:"bound,omitempty"` // what the ratio is to: a memory limit or the square-root unit
	// Slots is the time of one vector of elements in fused multiply-adds at peak rate: the count of vector
	// operations that would take as long, for kernels that arithmetic bounds.
	Slots float64 `json:"slots,omitempty"`
}

// A register is a throughput in registers.
type register struct {
	Run      int     `json:"run"`
	Name     string  `json:"name"`
	Type     string  `json:"type"`
	Lanes    int     `json:"lanes"`
	GVectors float64 `json:"gvectors_s"`
}

type machine struct {
	CPU      string   `json:"cpu"`
	Cores    int      `json:"cores"`
	Kernel   string   `json:"kernel"`
	Go       string   `json:"go"`
	Compiler string   `json:"compiler"`
	ISA      string   `json:"isa"`
	Features []string `json:"features"`
	Library  string   `json:"library"`
	Date     string   `json:"date"`
}

// A target is a ratio that is wanted of a kernel; Held counts the runs in which it held.
type target struct {
	Name   string    `json:"name"`
	Size   int       `json:"size"`
	Type   string    `json:"type"`
	Wanted string    `json:"wanted"`
	Ratios []float64 `json:"ratios"`
	Held   int       `json:"held"`
	Met    bool      `json:"met"`
}

type results struct {
	Machine   machine    `json:"machine"`
	Command   string     `json:"command"`
	Registers []register `json:"registers"`
	Rows      []row      `json:"rows"`
	Targets   []target   `json:"targets"`

	Products       []product       `json:"products"`
	ProductTargets []productTarget `json:"product_targets"`

	Calls []call `json:"calls"`
}

// finish fills in the ratios and the targets.
func (res *results) finish() {
	for i := range res.Rows {
		r := &res.Rows[i]
		if r.IsLimit {
			continue
		}
		limit := res.find(r.Run, r.Limit, r.Size, r.Type, r.Threads, true).Seconds
		r.Bound = r.Limit
		elements := float64(r.Size) * float64(r.Size)
		// One thread is behind each figure in registers; threads add up.
		if root := res.register(r.Run, "sqrt", r.Type); r.Roots > 0 {
			if s := r.Roots * elements / (root * float64(r.Threads)); s > limit {
				limit, r.Bound = s, "sqrt"
			}
		}
		r.Ratio = limit / r.Seconds
		r.Slots = r.Seconds * res.register(r.Run, "fma", r.Type) * float64(r.Threads) / elements
	}
	res.setTargets()
	res.ProductTargets = productTargets(res.Products)
}

func (res *results) setTargets() {
	named := func(name string) (string, float64) {
		switch name {
		case "rank1", "rank1 decay", "scale rows", "scale rows cols", "gain rule linear", "gain rule exp",
			"power sums p=1 rows", "power sums p=2 rows", "power sums p=1 cols", "power sums p=2 cols",
			"power sums p=1.5 rows", "power sums p=0.5 rows":
			return "≥ 0.90 of the limit", 0.90
		case "power sums p=1 both", "power sums p=2 both":
			return "≤ 1.25 × the row sums", 1.25
		}
		return "", 0
	}
	at := map[string]int{}
	for _, r := range res.Rows {
		wanted, bound := named(r.Name)
		if wanted == "" || r.Threads != 1 || r.Type != "float32" {
			continue
		}
		value, holds := r.Ratio, r.Ratio >= bound
		if strings.HasSuffix(r.Name, "both") {
			alone := res.find(r.Run, strings.TrimSuffix(r.Name, "both")+"rows", r.Size, r.Type, r.Threads, false)
			value = r.Seconds / alone.Seconds
			holds = value <= bound
		}
		key := fmt.Sprint(r.Name, r.Size)
		k, seen := at[key]
		if !seen {
			k = len(res.Targets)
			at[key] = k
			res.Targets = append(res.Targets, target{Name: r.Name, Size: r.Size, Type: r.Type, Wanted: wanted})
		}
		t := &res.Targets[k]
		t.Ratios = append(t.Ratios, value)
		if holds {
			t.Held++
		}
		t.Met = 5*t.Held >= 3*len(t.Ratios)
	}
}

func (res *results) find(run int, name string, size int, typ string, threads int, limit bool) row {
	for _, r := range res.Rows {
		if r.Run == run && r.Name == name && r.Size == size && r.Type == typ && r.Threads == threads && r.IsLimit == limit {
			return r
		}
	}
	return row{}
}

// register is a throughput in registers, in elements a second of one thread.
func (res *results) register(run int, name, typ string) float64 {
	for _, r := range res.Registers {
		if r.Run == run && r.Name == name && r.Type == typ {
			return r.GVectors * float64(r.Lanes) * 1e9
		}
	}
	return 0
}

// weak lists the kernels that beat their limit in most runs. A single run may have been disturbed while the limit was
// taken; what repeats is the limit's weakness.
func (res *results) weak() []string {
	beaten, runs := map[string]int{}, map[string]int{}
	for _, r := range res.Rows {
		if r.IsLimit {
			continue
		}
		key := fmt.Sprintf("%s %s %d² ×%d", r.Name, r.Type, r.Size, r.Threads)
		runs[key]++
		if r.Ratio > weakLimit {
			beaten[key]++
		}
	}
	for _, p := range res.Products {
		key := fmt.Sprintf("%s %s %s ×%d", p.Name, p.Type, p.shape(), p.Threads)
		runs[key]++
		if p.Ratio > weakLimit {
			beaten[key]++
		}
	}
	var list []string
	for key, n := range beaten {
		if 2*n > runs[key] {
			list = append(list, key)
		}
	}
	slices.Sort(list)
	return list
}

// print writes the table: for each size, type and thread count the minimum over the runs, and the median ratio.
func (res *results) print(out io.Writer) {
	m := res.Machine
	fmt.Fprintf(out, "%s, %d cores, %s, %s, %s, hebbkern %s (%s)\n\n", m.CPU, m.Cores, m.Kernel, m.Go, m.Compiler, m.Library, m.ISA)
	for _, name := range []string{"fma", "sqrt"} {
		for _, typ := range []string{"float32", "float64"} {
			var best float64
			for run := range res.Registers {
				best = max(best, res.register(run, name, typ))
			}
			fmt.Fprintf(out, "%-4s %s  %7.2f G elements/s on one thread\n", name, typ, best*1e-9)
		}
	}
	type key struct {
		name, typ     string
		size, threads int
		limit         bool
	}
	var order []key
	groups := map[key][]row{}
	for _, r := range res.Rows {
		k := key{r.Name, r.Type, r.Size, r.Threads, r.IsLimit}
		if groups[k] == nil {
			order = append(order, k)
		}
		groups[k] = append(groups[k], r)
	}
	fmt.Fprintf(out, "\n%-28s %-8s %6s %3s %12s %9s %9s  %s\n", "", "type", "size", "thr", "µs", "GB/s", "Gelem/s", "ratio to its bound")
	for _, k := range order {
		rows := groups[k]
		best := rows[0]
		ratios := make([]float64, len(rows))
		for i, r := range rows {
			ratios[i] = r.Ratio
			if r.Seconds < best.Seconds {
				best = r
			}
		}
		slices.Sort(ratios)
		name, note := k.name, fmt.Sprintf("%.2f %s", ratios[len(ratios)/2], best.Bound)
		if k.limit {
			name, note = "limit: "+k.name, fmt.Sprintf("form %d", best.Form)
		} else if ratios[len(ratios)/2] > weakLimit {
			note += "  WEAK LIMIT"
		}
		fmt.Fprintf(out, "%-28s %-8s %6d %3d %12.2f %9.1f %9.2f  %s\n",
			name, k.typ, k.size, k.threads, best.Seconds*1e6, best.GBs, best.Gelem, note)
	}
	for _, c := range res.Calls {
		fmt.Fprintf(out, "a call of %-8s %-3s %6.1f ns, %6.1f ns over the bare assembly\n", c.Name, c.Size, c.Kernel, c.Over)
	}
	if len(res.Targets) > 0 {
		fmt.Fprintf(out, "\ntargets (float32, one thread)\n")
	}
	for _, t := range res.Targets {
		fmt.Fprintf(out, "%-28s %6d  %-24s held in %d of %d runs: %s  %.2f\n", t.Name, t.Size, t.Wanted, t.Held, len(t.Ratios), verdict(t.Met), t.Ratios)
	}
	res.printProducts(out)
}

func describe() machine {
	m := machine{Cores: runtime.NumCPU(), Go: runtime.Version(), CPU: runtime.GOARCH, Date: time.Now().UTC().Format("2006-01-02")}
	if f, err := os.Open("/proc/cpuinfo"); err == nil {
		defer f.Close()
		for s := bufio.NewScanner(f); s.Scan(); {
			if name, value, ok := strings.Cut(s.Text(), ":"); ok && strings.TrimSpace(name) == "model name" {
				m.CPU = strings.TrimSpace(value)
				break
			}
		}
	}
	m.Kernel = firstLine("uname", "-sr")
	m.Compiler = firstLine("gcc", "--version")
	return m
}

func firstLine(name string, args ...string) string {
	text, err := exec.Command(name, args...).Output()
	if err != nil {
		return name + " unknown"
	}
	line, _, _ := strings.Cut(string(text), "\n")
	return line
}

func matches(name, part string) bool { return part == "" || strings.Contains(name, part) }

func verdict(met bool) string {
	if met {
		return "met"
	}
	return "NOT MET"
}
