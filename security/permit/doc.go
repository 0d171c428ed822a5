// Package permit decides whether permissions allow an action on a path. Rules
// are the permissions of one user and its groups, compiled; a Set is Rules with
// the values of one session filled in, and what decides.
//
// A permission path covers a path (happn-wire.md, 8.4) if
//
//   - its text matches the whole path, a run of `*` standing for any text, also
//     for `/`, and every other byte for itself; and
//   - segment by segment, each but its last matches the path's in the same way,
//     and it has not more segments than the path.
//
// What is prohibited by any permission that covers the path is denied; else what
// any of them allows is allowed; else lookup tables are asked. {{a.b}} in a
// permission path stands for the session's value of that name, or for each of
// them if there are several.
//
// It imports security and the standard library.
package permit
