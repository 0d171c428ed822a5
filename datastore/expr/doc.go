// Package expr compiles and evaluates MongoDB's aggregation expressions, such
// as {"$gt": ["$data.spent", "$data.budget"]}, over JSON documents. Criteria
// use it for $expr, pipelines in nearly every stage.
//
// A Value aliases the text of the document it comes from until something
// computes with it. JSON has no dates: operators on dates take a date that
// another operator made, a text in ISO 8601, or a number of milliseconds since
// 1970, and a date leaves as a text in ISO 8601.
//
// An expression is bounded in nesting when it is compiled. Each evaluation has
// a budget, linear in the sizes of expression and document, of steps and of
// bytes it may make, so that neither loops nor growing texts get out of hand.
// Regular expressions run in linear time.
//
// It imports internal/rawjson and the standard library.
package expr
