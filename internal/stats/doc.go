// Package stats turns numbers into numbers, intervals and warnings.
//
// It is opinionated. A mean comes with the interval that says how well it is
// known; a quantile the sample is too small for is refused, not interpolated;
// "no difference" is a result of its own and needs a test of its own. What
// cannot be computed is absent and says why: no function returns a zero, a NaN
// or an infinity in place of an answer.
//
// Conventions that hold throughout:
//
//   - No function sorts, changes or keeps a slice it was given.
//   - NaN and infinite inputs are an error that names the first such value;
//     nothing is dropped silently.
//   - Variances divide by n−1. Quantiles are type 7 of Hyndman and Fan (1996),
//     the default of R and NumPy.
//   - Levels, probabilities and ratios are fractions in (0, 1), never percent.
//   - Errors returned here are of type [Warning]: a code for programs and a
//     message for people. Doubts that do not forbid the number travel on the
//     result as Warnings.
//   - Randomness is a parameter: the same generator state gives the same
//     result. All functions are safe for concurrent use as long as callers do
//     not share a generator.
package stats
