package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/happn-host/happn-host/host/plugin/signature"
)

func makePluginKey(p *process, args []string) int {
	flags := newFlags("plugin")
	if code, done := p.parseWithArguments(flags, args, pluginUsage); done {
		return code
	}
	if flags.NArg() != 1 {
		return p.fail(exitUsage, "plugin keygen needs the name of a file for the key; see happn-host help plugin")
	}
	secret, public, err := signature.NewKey()
	if err == nil {
		err = writeNew(flags.Arg(0), secret)
	}
	if err != nil {
		return p.fail(exitFailed, "cannot make a key: %s", err)
	}
	fmt.Fprintln(p.stdout, signature.FormatPublic(public))
	return exitOK
}

// writeNew writes a file for the user alone, where there is none.
func writeNew(path string, content []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	return errors.Join(err, f.Close())
}

func signPlugins(p *process, args []string) int {
	flags := newFlags("plugin")
	file := flags.String("key", "", "")
	if code, done := p.parseWithArguments(flags, args, pluginUsage); done {
		return code
	}
	if *file == "" || flags.NArg() == 0 {
		return p.fail(exitUsage, "plugin sign needs --key and modules; see happn-host help plugin")
	}
	text, err := os.ReadFile(*file)
	if err != nil {
		return p.fail(exitFailed, "cannot read the key: %s", err)
	}
	key, err := signature.ParseKey(text)
	if err != nil {
		return p.fail(exitFailed, "cannot read the key: %s: %s", *file, err)
	}
	for _, path := range flags.Args() {
		module, err := os.ReadFile(path)
		if err == nil {
			module, err = signature.Sign(module, key)
		}
		if err == nil {
			err = replaceFile(path, module)
		}
		if err != nil {
			return p.fail(exitFailed, "cannot sign %s: %s", path, err)
		}
		fmt.Fprintf(p.stdout, "signed %s\n", path)
	}
	return exitOK
}

// replaceFile writes a file in one step, with the mode that it has. A name with a
// leading dot is none that a host looks at.
func replaceFile(path string, content []byte) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".sign-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }() // of what could not be put in place
	_, err = f.Write(content)
	if err = errors.Join(err, f.Chmod(info.Mode().Perm()), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

func verifyPlugins(p *process, args []string) int {
	flags := newFlags("plugin")
	if code, done := p.parseWithArguments(flags, args, pluginUsage); done {
		return code
	}
	if flags.NArg() == 0 {
		return p.fail(exitUsage, "plugin verify needs modules; see happn-host help plugin")
	}
	for _, path := range flags.Args() {
		module, err := os.ReadFile(path)
		if err != nil {
			return p.fail(exitFailed, "%s", err)
		}
		key, err := signature.Signer(module)
		switch {
		case err != nil:
			return p.fail(exitFailed, "%s: %s", path, err)
		case key == nil:
			return p.fail(exitFailed, "%s: it is not signed", path)
		}
		fmt.Fprintf(p.stdout, "%s  %s\n", signature.FormatPublic(key), path)
	}
	return exitOK
}
