package plugin

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/plugin/folder"
	"github.com/happn-host/happn-host/host/plugin/limit"
	"github.com/happn-host/happn-host/host/plugin/manifest"
	"github.com/happn-host/happn-host/host/plugin/object"
	"github.com/happn-host/happn-host/host/plugin/secret"
	"github.com/happn-host/happn-host/host/plugin/wasmbin"
)

// candidate is a module that has been read and found acceptable, before any of
// its code has run.
type candidate struct {
	file      string
	module    []byte
	sum       string
	manifest  *manifest.Manifest
	engine    engineKind
	secrets   secret.Secrets // of its configuration
	signature string         // who has signed it, in words
	canary    *canary        // as which it is to run, nil for the plugin's own version
}

// source is what the folder holds for one plugin. Its key tells whether it is
// the same as at the last scan: times and sizes of files do not, two changes
// may fall into one tick of the clock.
type source struct {
	module   []byte
	operator []byte // nil when there is no file
	err      error
	key      string
}

// readSource reads a module and the operator's file beside it, which may say how
// large the module can be; limits are for those whose file does not.
func readSource(modulePath string, limits limit.Set) source {
	var s source
	path := folder.OperatorFile(modulePath)
	operator, err := folder.Read(path, manifest.MaxSize)
	s.operator = operator
	s.module, s.err = readModule(modulePath, operator, limits)
	if err != nil && !errors.Is(err, fs.ErrNotExist) && s.err == nil {
		s.err = fmt.Errorf("%s: %w", filepath.Base(path), err)
	}
	s.key = fmt.Sprintf("%s %t %s %v", fingerprint(s.module), s.operator != nil, fingerprint(s.operator), s.err)
	return s
}

// examine decides whether a module may run. The candidate says what is known of
// the module even when there is an error.
func examine(path string, from source, o *Options) (*candidate, error) {
	c := &candidate{file: filepath.Base(path), manifest: &manifest.Manifest{Enabled: true}}
	c.manifest.Name = folder.Stem(c.file)
	if from.err != nil {
		return c, from.err
	}
	c.module, c.sum = from.module, fingerprint(from.module)
	m, err := wasmbin.Parse(c.module)
	if err != nil {
		return c, err
	}
	var operator *manifest.Operator
	operatorFile := filepath.Base(folder.OperatorFile(path))
	if from.operator != nil {
		operator, err = manifest.ParseOperator(operatorFile, from.operator)
	}
	if err != nil {
		return c, err
	}
	if operator != nil && !operator.Enabled {
		c.manifest.Enabled = false
		return c, nil
	}
	if c.signature, err = checkSignature(c.module, o); err != nil {
		return c, fmt.Errorf("%s: %w", c.file, err)
	}
	if operator != nil {
		operator.Config, c.secrets, err = secret.Resolve(operator.Config, operatorFile, filepath.Dir(path))
		if err != nil {
			return c, err
		}
	}
	own, err := readManifestOf(c.file, m)
	if err != nil {
		return c, err
	}
	if c.engine, err = detect(m, own.ABI); err != nil {
		return c, err
	}
	c.manifest = own
	return c, c.settle(m, operator, operatorFile, o.Limits)
}

// settle merges what the operator says and checks the result.
func (c *candidate) settle(m *wasmbin.Module, operator *manifest.Operator, operatorFile string, limits limit.Set) error {
	if err := resolveHooks(m, c.manifest, c.file); err != nil {
		return err
	}
	if err := c.manifest.Merge(operator, operatorFile, limits); err != nil {
		return err
	}
	configured := operatorFile
	if operator == nil || operator.Config == nil {
		configured = c.file + " (to be overruled in " + operatorFile + ")"
	}
	if err := c.manifest.CheckConfig(configured, c.secrets.Places); err != nil {
		return err
	}
	for i := range c.manifest.Hooks {
		if err := c.manifest.Hooks[i].SettleOnError(c.manifest.OnError, c.file, operatorFile); err != nil {
			return err
		}
	}
	if err := c.checkPin(operatorFile); err != nil {
		return err
	}
	if err := c.manifest.CheckGranted(c.file, operatorFile); err != nil {
		return err
	}
	if err := checkSize(c.module, m, &c.manifest.Limits); err != nil {
		return err
	}
	return checkImports(m, c.engine, c.manifest)
}

// checkPin holds the module to what the operator pins. A canary's pin counts for
// the module too, which it becomes when it is promoted.
func (c *candidate) checkPin(operatorFile string) error {
	module, canary := c.manifest.SHA256, c.manifest.Canary.SHA256
	_, tried := folder.CanaryOf(c.file)
	switch {
	case c.sum == module, c.sum == canary:
		return nil
	case tried && module+canary != "":
		return fmt.Errorf("%s: canary.sha256: the canary is %s, not the one that is pinned", operatorFile, c.sum)
	case !tried && module != "":
		return fmt.Errorf("%s: sha256: the module is %s, not the one that is pinned", operatorFile, c.sum)
	}
	return nil
}

func readManifestOf(file string, m *wasmbin.Module) (*manifest.Manifest, error) {
	content, found, err := m.Custom(abi.ManifestSection)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if !found {
		content = []byte("{}")
	}
	own, err := manifest.Parse(file, content)
	if err != nil {
		return nil, err
	}
	pick(&own.Name, folder.Stem(file))
	if !object.IsName(own.Name) {
		return nil, fmt.Errorf("%s: the file's name serves as the plugin's name and must hold only letters, digits, dots, dashes and underscores", file)
	}
	return own, nil
}

// readModule reads a module beside which an operator's file has this content.
func readModule(path string, operator []byte, limits limit.Set) ([]byte, error) {
	if o, err := manifest.ParseOperator("", operator); err == nil { // what is wrong with it is told when the module is examined
		limits = o.Limits.Or(limits)
	}
	content, err := folder.Read(path, int64(limits.ModuleMiB)<<20)
	var large *folder.TooLargeError
	if errors.As(err, &large) {
		err = limits.Over(limit.ModuleMiB, nil, "the module has %d bytes", large.Size)
	}
	return content, err
}
