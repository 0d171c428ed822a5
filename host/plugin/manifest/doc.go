// Package manifest says what a plugin is, what it wants and what it may do: by the manifest
// that its module carries, the file that its operator writes beside it, and both of them
// together, in which the operator has the last word. It checks a configuration against
// the schema that the manifest has for it.
//
// It imports parsers of YAML and JSON Schema and, of host/plugin, hook, limit and object.
package manifest
