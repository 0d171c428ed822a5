package plugin

import (
	"crypto/ed25519"
	"errors"
	"fmt"

	"github.com/happn-host/happn-host/host/plugin/signature"
)

// TrustedKey is a key whose signatures count.
type TrustedKey struct {
	Name string
	Key  ed25519.PublicKey
}

// checkSignature says in words who has signed a module, "" for nobody. It fails
// for a signature that is not good, and for a module that the options do not let
// run.
func checkSignature(module []byte, o *Options) (by string, err error) {
	key, err := signature.Signer(module)
	switch {
	case err != nil:
		return "", err
	case key == nil && o.RequireSigned:
		return "", errors.New("it is not signed, and plugins.requireSigned is set; sign it with happn-host plugin sign")
	case key == nil:
		return "", nil
	}
	for _, trusted := range o.Trust {
		if key.Equal(trusted.Key) {
			return "signed by " + trusted.Name, nil
		}
	}
	by = fmt.Sprintf("signed by the key %s, which is not in plugins.trust", signature.FormatPublic(key))
	if o.RequireSigned {
		return by, errors.New("it is " + by)
	}
	return by, nil
}
