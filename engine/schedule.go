package engine

// Schedule gives the learning rate of an epoch, counted from 0. The schedules here are made of the four operations
// alone, so that a rate has the same bits on every machine and in Python.
type Schedule func(epoch int) float64

// StepSchedule multiplies the rate by factor after every `every` epochs.
func StepSchedule(lr float64, every int, factor float64) Schedule {
	return func(epoch int) float64 {
		r := lr
		for range epoch / max(every, 1) {
			r *= factor
		}
		return r
	}
}

// InverseSchedule is lr/(1 + epoch·decay).
func InverseSchedule(lr, decay float64) Schedule {
	return func(epoch int) float64 { return lr / (1 + float64(float64(epoch)*decay)) }
}

// RampSchedule rises in equal steps to lr over `warmup` epochs and then falls to `low` in the epoch numbered
// epochs − 1 and after: along a line, or if smooth along 1 − t²(3 − 2t), which is half a cosine to within 0.011.
func RampSchedule(lr float64, epochs, warmup int, low float64, smooth bool) Schedule {
	return func(epoch int) float64 {
		if epoch < warmup {
			return float64(lr*float64(epoch+1)) / float64(warmup)
		}
		t := 1.0
		if epoch < epochs-1 {
			t = float64(epoch-warmup) / float64(epochs-1-warmup)
		}
		if smooth {
			t = float64(t*t) * (3 - float64(2*t))
		}
		return lr + float64((low-lr)*t)
	}
}
