package ir

// Staged is f with the lines of each InStages taken stage by stage. A processor keeps only some hundred operations in
// flight; where another line goes on before the long chain of one ends, more of them can run. It takes a register for
// each value that a line has between two stages.
func (f *Func) Staged() *Func {
	g := *f
	g.Ops = nil
	var lines [][][]Op // by line and stage
	for _, op := range f.Ops {
		switch {
		case op.Code == Nop && op.Imm == lineMark:
			lines = append(lines, [][]Op{nil})
		case op.Code == Nop && op.Imm == endMark:
			g.Ops = append(g.Ops, byStage(f.Name, lines)...)
			lines = nil
		case lines == nil:
			g.Ops = append(g.Ops, op)
		case op.Code == Nop && op.Imm == stageMark:
			last := &lines[len(lines)-1]
			*last = append(*last, nil)
		case op.Code == Label:
			panic(f.Name + ": InStages of more than straight lines")
		default:
			stages := lines[len(lines)-1]
			stages[len(stages)-1] = append(stages[len(stages)-1], op)
		}
	}
	return &g
}

// byStage orders the operations of some lines, which must not depend on each other.
func byStage(name string, lines [][][]Op) []Op {
	writer := map[int]int{} // the line that writes a value
	deepest := 0
	for k, stages := range lines {
		deepest = max(deepest, len(stages))
		for _, ops := range stages {
			for _, op := range ops {
				if !op.Dst.Valid() {
					continue
				}
				if of, ok := writer[op.Dst.ID]; ok && of != k {
					panic(name + ": InStages of lines that write one value")
				}
				writer[op.Dst.ID] = k
			}
		}
	}
	var out []Op
	for stage := range deepest {
		for k, stages := range lines {
			if stage >= len(stages) {
				continue
			}
			for _, op := range stages[stage] {
				for _, a := range op.Args {
					if of, ok := writer[a.ID]; ok && of != k {
						panic(name + ": InStages of lines that depend on each other")
					}
				}
				out = append(out, op)
			}
		}
	}
	return out
}
