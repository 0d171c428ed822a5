// Package security has the words of access control: actions, permissions, users,
// groups, and what is told about changes of them. The decision is made in
// permit/, and what is stored is kept in directory/.
//
// It imports the standard library and internal/rawjson. Nothing below security/
// knows the host.
package security
