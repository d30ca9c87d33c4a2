package stats

import (
	"math"

	"gonum.org/v1/gonum/stat/distuv"
)

func checkLoad(rho float64) error {
	if !(rho >= 0 && rho < 1) {
		return warnf(BadArgument, "the utilisation must be at least 0 and below 1, but is %v: no queue is stable there", rho)
	}
	return nil
}

// MM1 returns the mean time in a queue with random arrivals and exponential
// service, in service times: 1/(1−ρ).
func MM1(rho float64) (float64, error) {
	if err := checkLoad(rho); err != nil {
		return 0, err
	}
	return 1 / (1 - rho), nil
}

// MM1Quantile returns the quantile p of the time in an M/M/1 queue, in service
// times: −ln(1−p)/(1−ρ).
func MM1Quantile(rho, p float64) (float64, error) {
	if err := firstError(checkLoad(rho), checkFraction("quantile", p)); err != nil {
		return 0, err
	}
	return distuv.Exponential{Rate: 1 - rho}.Quantile(p), nil
}

// MD1 returns the mean time in a queue with random arrivals and constant
// service, in service times: 1 + ρ/(2(1−ρ)) (Pollaczek–Khinchine).
func MD1(rho float64) (float64, error) {
	if err := checkLoad(rho); err != nil {
		return 0, err
	}
	return 1 + rho/(2*(1-rho)), nil
}

// LittleGap returns N/(X·W) − 1: how far a measured mean population N is from
// throughput times mean time in the system (Little 1961). The law holds for
// any stable system, so more than ±5 % says the measurement is wrong.
func LittleGap(population, throughput, timeInSystem float64) (float64, error) {
	if err := checkPositive("Little's law", []float64{population, throughput, timeInSystem}, 3); err != nil {
		return 0, err
	}
	gap := population/(throughput*timeInSystem) - 1
	if !isFinite(gap) || math.IsInf(throughput*timeInSystem, 0) {
		return 0, warnf(Overflow, "Little's law: the product does not fit a 64-bit number")
	}
	return gap, nil
}
