package sample

import "crypto/sha256"

// Sealed puts a true sum behind columns.
func Sealed(body []byte) []byte {
	sum := sha256.Sum256(body)
	return append(body[:len(body):len(body)], sum[:]...)
}
