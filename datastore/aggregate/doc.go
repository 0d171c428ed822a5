// Package aggregate compiles MongoDB's aggregation pipelines and runs them over
// stored documents.
//
// A pipeline sees a document as {path, data, created, modified, modifiedBy},
// the last only if there is one. Its names and paths are taken as they are
// written ("$data.region", {"data.region": "North"}), as happn-3 does: the
// translation of field names in criteria does not apply to pipelines. The
// result is the array of what the last stage lets through.
//
// Stages: $match, $project, $addFields and $set, $unset, $group, $sort, $skip,
// $limit, $unwind, $count, $facet, $bucket, $bucketAuto, $sortByCount,
// $replaceRoot and $replaceWith, $sample, $lookup. Documents stream through
// those that need not see all of them; a $limit stops the walk, and a $sort
// before it keeps no more documents than it lets through. What stages keep, and
// the result, is bounded by Limits, as is nesting.
//
// RunOn leaves the first stages, as far as they select, to the store, and to one
// that is a datastore.Aggregator what more it does.
//
// It imports datastore, datastore/expr, datastore/match, internal/rawjson and
// the standard library.
package aggregate
