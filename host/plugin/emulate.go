package plugin

import "github.com/happn-host/happn-host/abi"

// ParseManifest reads a manifest as the loader does, for tools that build
// plugins. file is what errors call it.
func ParseManifest(file string, content []byte) (*Manifest, error) {
	return parseManifest(file, content)
}

// Conclude carries out on rec what a hook has decided, as the host does, for
// emulators: it applies REPLACE and PATCH, and sets rec.Error for REJECT and
// CLOSE. An error means that the hook failed and rec is as it was.
func Conclude(kind HookKind, rec *abi.Record, verdict abi.Verdict, output []byte) error {
	if err := checkVerdict(kind.place(), verdict); err != nil {
		return err
	}
	return conclude(kind, rec, verdict, output)
}
