// Package seldom keeps what fails again and again from filling the log: of the same
// failure it lets one line a second through, of different ones ten, and each says how
// many were left out before it.
//
// It imports the standard library only.
package seldom
