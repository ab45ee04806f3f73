package portable

// What TestExhaustiveFloat32 needs, which runs through package kernels.
var (
	ULP32            = ulp32
	RefLog2          = refLog2
	CheckedExponents = checkedExponents
)
