// Package policy says what sessions may do: for how long, how often, from where,
// and with which permissions. Profiles, rules with a filter on the session,
// choose the policy of a session when it logs in; from then on it is the
// session's, and its tokens'.
//
// It imports datastore/match, internal/rawjson and the standard library.
package policy
