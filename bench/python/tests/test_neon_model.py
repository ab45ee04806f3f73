"""The reader of disassemblies and the table; llvm-mca itself runs with `make neon-model`."""

import json
from pathlib import Path

import neon_model

LISTING = """
0000000000001000 <asm.KernelF32NEON.abi0>:
    1000:      	cmp	x7, #0x2
    1004:      	b.lt	0x1028 <asm.KernelF32NEON.abi0+0x28>
    1008:      	ldp	q1, q0, [x3]
    100c:      	fmla	v1.4s, v2.4s, v18.4s
    1010:      	subs	x2, x2, #0x1
    1014:      	b.gt	0x1008 <asm.KernelF32NEON.abi0+0x8>
    1018:      	fadd	v3.4s, v3.4s, v1.4s
    101c:      	cbnz	x5, 0x1008 <asm.KernelF32NEON.abi0+0x8>
    1020:      	ldr	q4, [x6]
    1024:      	b	0x1020 <asm.KernelF32NEON.abi0+0x20>
    1028:      	ret
"""


def test_inner_loops():
    code = neon_model.parse(LISTING)
    assert len(code) == 11 and code[3] == (0x100C, "fmla", "v1.4s, v2.4s, v18.4s")
    first, second = neon_model.inner_loops(code)  # the loop around the first one is none of them
    assert [i.address for i in first] == [0x1008, 0x100C, 0x1010, 0x1014]
    assert [i.address for i in second] == [0x1020, 0x1024]
    assert neon_model.vector_operations(first) == 1 and neon_model.vector_operations(second) == 0
    assert neon_model.text(first) == "ldp q1, q0, [x3]\nfmla v1.4s, v2.4s, v18.4s\nsubs x2, x2, #0x1\nb.gt 0\n"
    assert neon_model.text([neon_model.Instruction(0, "cbnz", "x5, 0x1008")]) == "cbnz x5, 0\n"


def test_the_committed_figures_make_a_table():
    results = json.loads((Path(neon_model.__file__).parents[1] / "neon.json").read_text())
    lines = neon_model.section(results)
    assert sum(line.startswith("| ") for line in lines) == 2 + 2 * len(neon_model.KERNELS)
    assert {row["core"] for row in results["rows"]} == set(neon_model.CORES)
    assert all(0 < row["busy"] <= 1 for row in results["rows"])
