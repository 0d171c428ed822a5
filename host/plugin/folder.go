package plugin

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/fsnotify/fsnotify"
	"github.com/tetratelabs/wazero"
)

// openFolder creates the folder if need be and watches it, before it is read
// for the first time, so that no change is missed.
func (m *Manager) openFolder() error {
	if err := os.MkdirAll(m.options.Dir, 0o755); err != nil {
		return fmt.Errorf("plugins.dir: %w", err)
	}
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return fmt.Errorf("watch plugins.dir: %w", err)
	}
	if err := w.Add(m.options.Dir); err != nil {
		return errors.Join(fmt.Errorf("watch plugins.dir %s: %w", m.options.Dir, err), w.Close())
	}
	m.watcher = w
	return nil
}

func (m *Manager) openCache() (err error) {
	if m.cacheDir = m.options.CacheDir; m.cacheDir != "" {
		if err := checkCacheDir(m.cacheDir, m.options.Dir); err != nil {
			return err
		}
	} else if len(m.options.Compiler) > 0 { // which has to leave its work somewhere
		if m.cacheDir, err = os.MkdirTemp("", "happn-plugins-"); err != nil {
			return fmt.Errorf("plugin compile cache: %w", err)
		}
	}
	m.cache, err = m.newCache()
	return err
}

// closeCache ends the cache, and removes a folder that was made for it.
func (m *Manager) closeCache() (err error) {
	if m.cache != nil {
		err = m.cache.Close(context.Background())
	}
	if m.cacheDir != m.options.CacheDir {
		err = errors.Join(err, os.RemoveAll(m.cacheDir))
	}
	return err
}

// newCache returns a cache of machine code that shares nothing with others but their
// folder. Whoever asks for it closes it.
func (m *Manager) newCache() (wazero.CompilationCache, error) {
	if m.cacheDir == "" {
		return wazero.NewCompilationCache(), nil
	}
	cache, err := wazero.NewCompilationCacheWithDir(m.cacheDir)
	if err != nil {
		return nil, fmt.Errorf("plugin compile cache: %w", err)
	}
	return cache, nil
}

// checkCacheDir creates the cache folder so that only its owner may write, and
// refuses one where a plugin's author might.
func checkCacheDir(cache, plugins string) error {
	inside, err := relative(plugins, cache)
	if err == nil && inside != ".." && !strings.HasPrefix(inside, ".."+string(filepath.Separator)) {
		return fmt.Errorf("plugin compile cache %s lies inside the plugins folder; it holds trusted machine code and must be elsewhere", cache)
	}
	if err := os.MkdirAll(cache, 0o700); err != nil {
		return fmt.Errorf("plugin compile cache: %w", err)
	}
	info, err := os.Stat(cache)
	if err != nil {
		return fmt.Errorf("plugin compile cache: %w", err)
	}
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o022 != 0 { // there, access lists decide, and these bits say nothing
		return fmt.Errorf("plugin compile cache %s may be written to by others (mode %o); it holds trusted machine code: chmod 700 it", cache, info.Mode().Perm())
	}
	return nil
}

// relative returns the way from one folder to another, wherever the process
// stands.
func relative(from, to string) (string, error) {
	from, err := filepath.Abs(from)
	if err != nil {
		return "", err
	}
	if to, err = filepath.Abs(to); err != nil {
		return "", err
	}
	return filepath.Rel(from, to)
}
