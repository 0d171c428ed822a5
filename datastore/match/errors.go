package match

import "github.com/happn-host/happn-host/datastore/expr"

// Error is a mistake in what a client sent: a criterion, a sort, fields or
// options.
type Error = expr.Error
