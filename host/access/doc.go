// Package access is the access control of a host: it knows for whom each session
// acts, decides about what they ask for, and tells them when that changes. What
// is allowed is kept by security/directory, who somebody is by security/login.
//
// A session's rights are its user's at that moment: each decision loads the
// user's rules, which a change replaces at once. Sessions are found by the name
// of their user, so a change costs as much as it has sessions to tell.
//
// It imports host/pipeline, host/session, host/protocol, security (with
// activity, directory, login, permit and policy), internal/rawjson and abi.
package access
