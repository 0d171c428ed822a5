// Package linear gives guests their linear memory: a piece of address space as
// large as it may ever become, of which the guest is given what it has asked
// for. So memory grows where it lies. Go's own slices would be copied, cleared
// and looked after by the collector, and a guest that grows without end would
// keep the whole process waiting.
//
// The memory is no part of Go's heap, and is gone when it is released: who reads
// it then brings the process down. Its owner must know that no call is under way,
// and that nobody has kept a part of it.
//
// It imports only the standard library.
package linear
