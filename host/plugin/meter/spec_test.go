package meter_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/happn-host/happn-host/host/plugin/meter"
)

// parts are the folders of the suite: WebAssembly 2.0, which plugins may use,
// and proposals that the engine knows when it is told to. refused says how many
// modules of a part the meter refuses for instructions that plugins may not use.
var parts = []struct {
	name     string
	features api.CoreFeatures
	refused  map[string]int
	asserted int // at least so many assertions hold for both
}{
	{"v2", api.CoreFeaturesV2, map[string]int{}, 50_000},
	{"extended-const", api.CoreFeaturesV2 | experimental.CoreFeaturesExtendedConst, map[string]int{}, 50},
	{"tail-call", api.CoreFeaturesV2 | experimental.CoreFeaturesTailCall, map[string]int{"tail calls": 6}, 10},
	{"threads", api.CoreFeaturesV2 | experimental.CoreFeaturesThreads, map[string]int{"threads": 5}, 10},
}

// The specification's test suite gives the same results before and after the
// rewrite, in the engine that plugins run in.
func TestSpecification(t *testing.T) {
	suite := specFolder(t)
	world, err := os.ReadFile(filepath.Join(suite, "testdata", "spectest.wasm"))
	require.NoError(t, err)
	for _, part := range parts {
		t.Run(part.name, func(t *testing.T) {
			paths, err := filepath.Glob(filepath.Join(suite, part.name, "testdata", "*.json"))
			require.NoError(t, err)
			require.NotEmpty(t, paths)
			refused, asserted := map[string]int{}, 0
			for _, path := range paths {
				t.Run(strings.TrimSuffix(filepath.Base(path), ".json"), func(t *testing.T) {
					plain := newStage(t, configFor(part.features), world)
					metered := newStage(t, configFor(part.features), world)
					metered.rewrite, metered.refused, metered.proved = meter.Inject, refused, true
					asserted += playScript(t, readScript(t, path), plain, metered)
				})
			}
			require.Equal(t, part.refused, refused)
			require.GreaterOrEqual(t, asserted, part.asserted)
		})
	}
}

// Modules that the meter does not know do the same with landmarks, in an engine that looks
// at a context at each.
func TestLandmarksChangeNothing(t *testing.T) {
	suite := specFolder(t)
	world, err := os.ReadFile(filepath.Join(suite, "testdata", "spectest.wasm"))
	require.NoError(t, err)
	for part, features := range map[string]api.CoreFeatures{
		"tail-call": experimental.CoreFeaturesTailCall, "exception-handling": experimental.CoreFeaturesExceptionHandling | experimental.CoreFeaturesTailCall,
	} {
		paths, err := filepath.Glob(filepath.Join(suite, part, "testdata", "*.json"))
		require.NoError(t, err)
		require.NotEmpty(t, paths)
		for _, path := range paths {
			t.Run(part+" "+strings.TrimSuffix(filepath.Base(path), ".json"), func(t *testing.T) {
				config := configFor(api.CoreFeaturesV2 | features).WithCloseOnContextDone(true)
				plain, marked := newStage(t, config, world), newStage(t, config, world)
				marked.refused = map[string]int{}
				marked.rewrite = func(module []byte) ([]byte, error) {
					code, err := meter.Landmarks(module)
					if err != nil && strings.Contains(err.Error(), "is not a function type") {
						return nil, fmt.Errorf("%w (types of later proposals)", err)
					}
					return code, err
				}
				require.Positive(t, playScript(t, readScript(t, path), plain, marked))
			})
		}
	}
}

func configFor(features api.CoreFeatures) wazero.RuntimeConfig {
	return wazero.NewRuntimeConfig().WithCoreFeatures(features)
}

// playScript plays a script on two stages, and returns how many assertions held
// on both.
func playScript(t *testing.T, s script, plain, changed *stage) (asserted int) {
	t.Helper()
	for _, c := range s.Commands {
		// The engine takes up to 100 MB for each of these. Two are enough.
		if c.Type == "assert_exhaustion" && !strings.HasPrefix(c.Action.Field, "runaway") {
			continue
		}
		if c.Type == "module" && changed.proved {
			wantProof(t, s.read(t, c.Filename))
		}
		before, after := plain.play(t, s, c), changed.play(t, s, c)
		switch {
		case errors.Is(after, errSkipped):
		case before != nil || after != nil:
			require.FailNow(t, "a command failed", "line %d %s %s\noriginal: %v\nchanged: %v", c.Line, c.Type, c.Action.Field, before, after)
		case strings.HasPrefix(c.Type, "assert_"):
			asserted++
		}
	}
	return asserted
}

// errSkipped says that a command needs a module that the meter refuses, or is
// none of the meter's business.
var errSkipped = errors.New("skipped")

// stage is where one script plays.
type stage struct {
	rt      wazero.Runtime
	rewrite func([]byte) ([]byte, error)
	refused map[string]int
	proved  bool // what is rewritten is looked at, too

	latest  api.Module // nil if it was refused
	modules map[string]api.Module
}

func newStage(t *testing.T, config wazero.RuntimeConfig, world []byte) *stage {
	t.Helper()
	ctx := context.Background()
	s := &stage{
		rt:      wazero.NewRuntimeWithConfig(ctx, config),
		rewrite: func(module []byte) ([]byte, error) { return module, nil },
		modules: map[string]api.Module{},
	}
	t.Cleanup(func() { _ = s.rt.Close(ctx) })
	instantiateYield(t, s.rt, func() int64 { return meter.Slice })
	_, err := s.rt.InstantiateWithConfig(ctx, world, wazero.NewModuleConfig().WithName("spectest"))
	require.NoError(t, err)
	return s
}

// errDeep is named as the engine names it.
var errDeep = errors.New("stack overflow")

// instantiateYield provides what metered code calls.
func instantiateYield(tb testing.TB, rt wazero.Runtime, yield func() int64) {
	tb.Helper()
	instantiateMeter(tb, rt, yield, func() {}, func() {})
}

// instantiateMeter is instantiateYield for who wants to know of pauses, and of tables that cannot grow.
func instantiateMeter(tb testing.TB, rt wazero.Runtime, yield func() int64, pause, full func()) {
	tb.Helper()
	_, err := rt.NewHostModuleBuilder(meter.ImportModule).
		NewFunctionBuilder().WithGoFunction(api.GoFunc(func(_ context.Context, stack []uint64) { stack[0] = uint64(yield()) }), nil, []api.ValueType{api.ValueTypeI64}).
		Export(meter.ImportName).
		NewFunctionBuilder().WithGoFunction(api.GoFunc(func(context.Context, []uint64) { panic(errDeep) }), nil, nil).Export(meter.ImportDeep).
		NewFunctionBuilder().WithGoFunction(api.GoFunc(func(context.Context, []uint64) { pause() }), nil, nil).Export(meter.ImportPause).
		NewFunctionBuilder().WithGoFunction(api.GoFunc(func(context.Context, []uint64) { full() }), nil, nil).Export(meter.ImportFull).
		Instantiate(context.Background())
	require.NoError(tb, err)
}

// play does what a command says. An error says how that was not what it expects.
func (s *stage) play(t *testing.T, from script, c command) error {
	t.Helper()
	switch c.Type {
	case "register":
		return nil // readScript told the module before it
	case "module":
		err := s.instantiate(from.read(t, c.Filename), c.As)
		delete(s.modules, c.Name)
		if c.Name != "" && err == nil {
			s.modules[c.Name] = s.latest
		}
		return err
	case "action", "assert_return":
		return s.wantResults(t, c)
	case "assert_trap", "assert_exhaustion", "assert_exception":
		return s.wantTrap(t, c)
	case "assert_uninstantiable", "assert_unlinkable", "assert_invalid", "assert_malformed":
		return s.wantNoInstance(t, from, c)
	}
	return fmt.Errorf("unknown command %s", c.Type)
}

// instantiate rewrites a module and makes it the latest one.
func (s *stage) instantiate(module []byte, name string) error {
	s.latest = nil
	code, err := s.rewrite(module)
	if err != nil {
		reason := regexp.MustCompile(`\((.*)\)$`).FindStringSubmatch(err.Error())
		if reason == nil {
			return err
		}
		s.refused[reason[1]]++
		return errSkipped
	}
	s.latest, err = s.rt.InstantiateWithConfig(context.Background(), code, wazero.NewModuleConfig().WithName(name).WithStartFunctions())
	return err
}

// wantNoInstance expects that no module comes of a file. The engine keeps the
// instances whose element segments do not fit, as the suite wants others to use
// what these segments have written.
func (s *stage) wantNoInstance(t *testing.T, from script, c command) error {
	t.Helper()
	if c.Kind == "text" {
		return errSkipped
	}
	latest := s.latest
	defer func() { s.latest = latest }()
	module := from.read(t, c.Filename)
	if _, err := s.rewrite(module); err != nil && (c.Type == "assert_invalid" || c.Type == "assert_malformed") {
		return nil
	}
	err := s.instantiate(module, "")
	if kept := c.Text == "out of bounds table access"; kept == (err == nil) || errors.Is(err, errSkipped) {
		return nil
	}
	return fmt.Errorf("got %v, want no instance: %s", err, c.Text)
}

// target returns the module that an action is for.
func (s *stage) target(c command) (api.Module, error) {
	m := s.latest
	if c.Action.Module != "" {
		m = s.modules[c.Action.Module]
	}
	if m == nil {
		return nil, errSkipped
	}
	return m, nil
}

// invoke calls what a command says.
func (s *stage) invoke(t *testing.T, c command) ([]uint64, error) {
	t.Helper()
	m, err := s.target(c)
	if err != nil {
		return nil, err
	}
	if c.Action.Type == "get" {
		return []uint64{m.ExportedGlobal(c.Action.Field).Get()}, nil
	}
	var args []uint64
	for _, a := range c.Action.Args {
		args = append(args, a.bits(t)...)
	}
	return m.ExportedFunction(c.Action.Field).Call(context.Background(), args...)
}

func (s *stage) wantResults(t *testing.T, c command) error {
	t.Helper()
	got, err := s.invoke(t, c)
	if err != nil {
		return err
	}
	for _, want := range c.Expected {
		slots := 1
		if want.Type == "v128" {
			slots = 2
		}
		if err := want.matches(t, got[:slots]); err != nil {
			return err
		}
		got = got[slots:]
	}
	return nil
}

// traps says what the engine calls the traps of the suite, where it is something
// else.
var traps = map[string]string{
	"indirect call":              "indirect call type mismatch",
	"undefined":                  "invalid table access",
	"undefined element":          "invalid table access",
	"uninitialized":              "invalid table access",
	"uninitialized element":      "invalid table access",
	"out of bounds table access": "invalid table access",
	"call stack exhausted":       "stack overflow",
}

func (s *stage) wantTrap(t *testing.T, c command) error {
	t.Helper()
	_, err := s.invoke(t, c)
	if errors.Is(err, errSkipped) {
		return err
	}
	want := strings.TrimRight(c.Text, " 0123456789") // of an element
	if name, other := traps[want]; other {
		want = name
	}
	if err == nil || !strings.Contains(err.Error(), want) {
		return fmt.Errorf("got %v, want a trap: %s", err, want)
	}
	return nil
}
