package portable

// Coefficients printed by gen/minimax/fit.py, each an exact constant.

// ln 2, the first part of 17 bits, = ln2F32Hi + ln2F32Lo.
const (
	ln2F32Hi = 0x1.62e4p-1
	ln2F32Lo = 0x1.7f7d1cp-20
)

// ln 2, the first part of 40 bits, = ln2F64Hi + ln2F64Lo.
const (
	ln2F64Hi = 0x1.62e42fefa4p-1
	ln2F64Lo = -0x1.8432a1b0e2634p-43
)

// log₂ e = log2eF32Hi + log2eF32Lo.
const (
	log2eF32Hi = 0x1.715476p+0
	log2eF32Lo = 0x1.4ae0cp-26
)

// log₂ e = log2eF64Hi + log2eF64Lo.
const (
	log2eF64Hi = 0x1.71547652b82fep+0
	log2eF64Lo = 0x1.777d0ffda0d24p-56
)

// 2/ln 2 = twoOverLn2Hi + twoOverLn2Lo.
const (
	twoOverLn2Hi = 0x1.71547652b82fep+1
	twoOverLn2Lo = 0x1.777d0ffda0d24p-55
)

// 1/√(2π), nearest in float64.
const (
	invSqrt2Pi = 0x1.9884533d43651p-2
)

// 2^r = 1 + r(exp2C1 + exp2C2 r + …), |r| ≤ ½. Weighted error 2^-27.46.
const (
	exp2C1 = 0x1.62e43p-1
	exp2C2 = 0x1.ebfbd2p-3
	exp2C3 = 0x1.c6af7ep-5
	exp2C4 = 0x1.3b3556p-7
	exp2C5 = 0x1.5f0748p-10
	exp2C6 = 0x1.3c51bap-13
)

// The same less 11/16 in the first, |r| ≤ 0.505. Weighted error 2^-27.81.
const (
	powE1 = 0x1.72182ep-8
	powE2 = 0x1.ebfbd6p-3
	powE3 = 0x1.c6af26p-5
	powE4 = 0x1.3b31ccp-7
	powE5 = 0x1.5f2adep-10
	powE6 = 0x1.3f046p-13
)

// e^r = 1 + r + r²(expC2 + expC3 r + …), |r| ≤ ½ ln 2. Weighted error 2^-27.48.
const (
	expC2 = 0x1.fffff2p-2
	expC3 = 0x1.555492p-3
	expC4 = 0x1.556034p-5
	expC5 = 0x1.1239d2p-7
	expC6 = 0x1.65119p-10
)

// ln(1+u) = u + u²(logC2 + logC3 u + …), √½ ≤ 1+u ≤ √2. Weighted error 2^-27.76.
const (
	logC2  = -0x1.fffff8p-2
	logC3  = 0x1.55555p-2
	logC4  = -0x1.000432p-2
	logC5  = 0x1.99a3bap-3
	logC6  = -0x1.54266p-3
	logC7  = 0x1.2279eap-3
	logC8  = -0x1.0f41eep-3
	logC9  = 0x1.080624p-3
	logC10 = -0x1.37607ep-4
)

// log₂(1+u) = u·log₂ e + u²(log2C2 + log2C3 u + …). Weighted error 2^-27.69.
const (
	log2C2  = -0x1.71547p-1
	log2C3  = 0x1.ec7094p-2
	log2C4  = -0x1.715afep-2
	log2C5  = 0x1.277f44p-2
	log2C6  = -0x1.eaa24cp-3
	log2C7  = 0x1.a2c9e2p-3
	log2C8  = -0x1.87f7dap-3
	log2C9  = 0x1.7f27d2p-3
	log2C10 = -0x1.c39b3p-4
)

// atanh s = s + s³(atanhC3 + atanhC5 s² + …), |s| ≤ (√2−1)/(√2+1). Weighted error 2^-30.2.
const (
	atanhC3 = 0x1.55557ap-2
	atanhC5 = 0x1.995ed4p-3
	atanhC7 = 0x1.31e0d4p-3
)

// e^r = 1 + r + r²·q(r), |r| ≤ ½ ln 2. Weighted error 2^-31.94.
var expQShort = [...]float64{
	0x1.000000265d541p-1,
	0x1.555554ee9b3bdp-3,
	0x1.5554aff1b3a86p-5,
	0x1.111189f20f49p-7,
	0x1.6d73476b2e6a7p-10,
	0x1.a03362dae5d8ep-13,
}

// e^r = 1 + r + r²·q(r), |r| ≤ ½ ln 2. Weighted error 2^-55.56.
var expQF64 = [...]float64{
	0x1.0000000000005p-1,
	0x1.5555555555549p-3,
	0x1.55555555521f7p-5,
	0x1.111111111611bp-7,
	0x1.6c16c17ef41e7p-10,
	0x1.a01a01819289dp-13,
	0x1.a019a73376fcap-16,
	0x1.71de70eaebe3ap-19,
	0x1.28a21f74759c7p-22,
	0x1.ae8b10e78ae44p-26,
}

// 2^r = 1 + r·q(r), |r| ≤ ½. Weighted error 2^-57.84.
var exp2QF64 = [...]float64{
	0x1.62e42fefa39efp-1,
	0x1.ebfbdff82c5ap-3,
	0x1.c6b08d704a14cp-5,
	0x1.3b2ab6fba0906p-7,
	0x1.5d87fe7894a8ep-10,
	0x1.4309130d9b7d8p-13,
	0x1.ffcbfca25bf45p-17,
	0x1.62bfca2b9dc2ap-20,
	0x1.b52495841cb43p-24,
	0x1.e61794d592e78p-28,
	0x1.ea5893742c875p-32,
}

// 2^r = 1 + r(11/16 + q(r)), |r| ≤ 0.505. Weighted error 2^-57.81.
var powQF64 = [...]float64{
	0x1.7217f7d1cf799p-8,
	0x1.ebfbdff82c5a7p-3,
	0x1.c6b08d704a0e3p-5,
	0x1.3b2ab6fb9f97ap-7,
	0x1.5d87fe789dd2fp-10,
	0x1.43091310721f3p-13,
	0x1.ffcbfc8ba9f27p-17,
	0x1.62bfc3720ee41p-20,
	0x1.b524aeefbf2cfp-24,
	0x1.e622bd2f9014bp-28,
	0x1.ea44139bbe4cfp-32,
}

// atanh s = s + ½s³·q(s²), |s| ≤ (√2−1)/(√2+1). Weighted error 2^-66.59.
var atanhQF64 = [...]float64{
	0x1.5555555555555p-1,
	0x1.9999999999d11p-2,
	0x1.249249243980ap-2,
	0x1.c71c724b637afp-3,
	0x1.745ce1ca5f5afp-3,
	0x1.3b20242dd601fp-3,
	0x1.0f674befe104cp-3,
	0x1.0f0d8d722b619p-3,
}

// The same for |s| ≤ 1/3. Weighted error 2^-33.06.
var log1pQShort = [...]float64{
	0x1.55555859c00d2p-1,
	0x1.9996a5f22eaeep-2,
	0x1.2509c0de8661dp-2,
	0x1.b6cf3250eacc9p-3,
	0x1.f1cda04bfbd27p-3,
}

// The same for |s| ≤ 1/3. Weighted error 2^-59.33.
var log1pQF64 = [...]float64{
	0x1.5555555555534p-1,
	0x1.99999999a0a3dp-2,
	0x1.2492492075d35p-2,
	0x1.c71c74270aa06p-3,
	0x1.745cb297be99cp-3,
	0x1.3b1df85c717d5p-3,
	0x1.1066572b0f0ep-3,
	0x1.efee190898c03p-4,
	0x1.555528b976e6ap-4,
	0x1.5ccb1ec6d07eap-3,
}

// erf x = x·q(x²), |x| ≤ 0.75. Weighted error 2^-29.39.
var erfQShort = [...]float64{
	0x1.20dd74fd4bd25p+0,
	-0x1.8127392b4c3f8p-2,
	0x1.ce2ac75dd1456p-4,
	-0x1.b7a8927cfe612p-6,
	0x1.4f2c7750250e8p-8,
	-0x1.61de556adde07p-11,
}

// erf x = x·q(x²), |x| ≤ 0.75. Weighted error 2^-56.05.
var erfQF64 = [...]float64{
	0x1.20dd750429b6dp+0,
	-0x1.812746b037973p-2,
	0x1.ce2f21a03ad2bp-4,
	-0x1.b82ce30f243b2p-6,
	0x1.565bcc4f3cc66p-8,
	-0x1.c02d82d427465p-11,
	0x1.f99b423480eabp-14,
	-0x1.f401d37bb04c9p-17,
	0x1.ac107426cc077p-20,
	-0x1.9aaac81181448p-24,
	-0x1.35aabed97b6a4p-25,
	0x1.06c884aef08fp-26,
}

// Φ(−x)·exp(x²/2) = q(t)/(x+3), t = (x−3)/(x+3), 0 ≤ x ≤ 14.5. Weighted error 2^-30.72.
var tailQShort = [...]float64{
	0x1.754a751a19dffp-1,
	-0x1.04c7298fe1b2ap-1,
	0x1.d71388a53c37p-3,
	-0x1.832d400b2d3fp-5,
	-0x1.56d9be94c5acbp-7,
	0x1.c8c9e39b066a6p-8,
	0x1.0d5f73e04e09bp-10,
	-0x1.0f114b496e201p-10,
	-0x1.085775262f323p-12,
	0x1.116d27b22aef9p-13,
	0x1.014b51f38dbd3p-14,
	0x1.ec10c0daa530dp-19,
}

// Φ(−x)·exp(x²/2) = q(t)/(x+4), t = (x−4)/(x+4), 0 ≤ x ≤ 39. Weighted error 2^-59.31.
var tailQF64 = [...]float64{
	0x1.82b4bb8c94dcep-1,
	-0x1.373e3a893c28ap-1,
	0x1.8c6dbf2cfc2b5p-2,
	-0x1.7dff2bff68399p-3,
	0x1.eec4cc3e4d1fbp-5,
	-0x1.ee2761047f212p-8,
	-0x1.c81719d53e198p-9,
	0x1.ab825fc0f6dfep-10,
	0x1.17a4ae29b83eep-13,
	-0x1.e4a4256d4c06fp-13,
	-0x1.001e47f8e028fp-19,
	0x1.26d0996574a29p-15,
	0x1.80b1600b6fd31p-21,
	-0x1.8d4b1df33c7dbp-18,
	-0x1.51e400e67384bp-21,
	0x1.1236b51a4b235p-20,
	0x1.233b84623326fp-22,
	-0x1.4cec3e5fdab24p-23,
	-0x1.6c2031ab99c93p-24,
	0x1.ce4941bc14eddp-27,
	0x1.4a552f2c86742p-26,
	0x1.e3052d7b0bc66p-30,
	-0x1.4c17be0ce8244p-29,
	-0x1.70cff4195dfdcp-31,
}
