package engine

import (
	"math/bits"

	"github.com/hebbkern/hebbkern/kernels"
)

// RNG is the generator of all randomness in the engine: xoshiro256** 1.0 (Blackman & Vigna 2021, "Scrambled
// linear pseudorandom number generators", ACM TOMS 47). Its state is four words of the caller's memory, so
// saving and resuming it is copying 32 bytes. An all-zero state is not valid; Seed never makes one.
type RNG [4]uint64

// NewRNG returns a generator seeded with (seed, stream).
func NewRNG(seed, stream uint64) RNG {
	var r RNG
	r.Seed(seed, stream)
	return r
}

// Seed sets the state to four successive outputs of splitmix64 (Steele, Lea & Flood 2014) that starts at
// mix(seed + γ) + mix(stream ⊕ δ), γ and δ odd constants. Different streams of one seed are independent for every practical purpose: an epoch's
// permutation uses the epoch as its stream, so that no state needs to be kept for it.
func (r *RNG) Seed(seed, stream uint64) {
	const golden = 0x9e3779b97f4a7c15
	s := mix64(seed+golden) + mix64(stream^0xd1b54a32d192ed03)
	for i := range r {
		s += golden
		r[i] = mix64(s)
	}
	if *r == (RNG{}) {
		r[0] = golden
	}
}

// mix64 is the output function of splitmix64.
func mix64(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// Uint64 returns the next 64 bits.
func (r *RNG) Uint64() uint64 {
	out := bits.RotateLeft64(r[1]*5, 7) * 9
	t := r[1] << 17
	r[2] ^= r[0]
	r[3] ^= r[1]
	r[1] ^= r[2]
	r[0] ^= r[3]
	r[2] ^= t
	r[3] = bits.RotateLeft64(r[3], 45)
	return out
}

// Float64 returns a multiple of 2^-53 in [0, 1).
func (r *RNG) Float64() float64 { return float64(r.Uint64()>>11) * 0x1p-53 }

// IntN returns an unbiased integer in [0, n), n > 0, by multiplication and rejection (Lemire 2019).
func (r *RNG) IntN(n int) int {
	m := uint64(n)
	hi, lo := bits.Mul64(r.Uint64(), m)
	if lo < m {
		for t := -m % m; lo < t; {
			hi, lo = bits.Mul64(r.Uint64(), m)
		}
	}
	return int(hi)
}

// Perm fills dst with a random permutation of 0 … len(dst)-1 (Fisher–Yates, from the end).
func (r *RNG) Perm(dst []int) {
	for i := range dst {
		dst[i] = i
	}
	for i := len(dst) - 1; i > 0; i-- {
		j := r.IntN(i + 1)
		dst[i], dst[j] = dst[j], dst[i]
	}
}

// Uniform fills dst with numbers in [low, high): low + (high-low)·u in float64, rounded to T. One draw an
// element, in order, for either type.
func Uniform[T kernels.Float](r *RNG, dst []T, low, high float64) {
	d := high - low
	for i := range dst {
		dst[i] = T(low + float64(d*r.Float64()))
	}
}

// EpochPermutation fills dst with the order in which an epoch visits the samples: the permutation of
// NewRNG(seed, epoch+1), a function of seed and epoch alone. Stream 0 of the seed is NewLayered's.
func EpochPermutation(dst []int, seed uint64, epoch int) {
	r := NewRNG(seed, uint64(epoch)+1)
	r.Perm(dst)
}
