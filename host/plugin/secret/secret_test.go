package secret_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/host/plugin/secret"
)

func TestSecretsGetTheirPlacesAndAreHidden(t *testing.T) {
	t.Setenv("SECRET_TEST", `s3cr"et`)
	t.Setenv("SECRET_SHORT", "abc")
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "key"), []byte("in-a-file\r\n"), 0o600))
	config, s, err := secret.Resolve(
		[]byte(`{"a":{"$env":"SECRET_TEST"},"b":[1.50,{"$file":"key"}],"c":{"$file":"`+filepath.ToSlash(filepath.Join(dir, "key"))+`"},"d":{"$env":"SECRET_SHORT"}}`), "p.yaml", dir)
	require.NoError(t, err)
	require.JSONEq(t, `{"a":"s3cr\"et","b":[1.50,"in-a-file"],"c":"in-a-file","d":"abc"}`, string(config))
	require.Equal(t, []string{"config.a", "config.b.1", "config.c", "config.d"}, s.Places)
	require.True(t, s.Any())
	require.Equal(t, `*** "***" *** abcde`, s.Hide(`s3cr"et "s3cr\"et" in-a-file abcde`), "short ones stand in ordinary words")

	plain := errors.New("nothing of it")
	require.Same(t, plain, s.HideError(plain))
	require.EqualError(t, s.HideError(errors.New("it is in-a-file")), "it is ***")
	require.NoError(t, s.HideError(nil))
}

func TestAConfigurationWithoutSecretsStaysWhatItIs(t *testing.T) {
	for _, config := range []string{``, `{"file":"plain","a" : 1}`} {
		got, s, err := secret.Resolve([]byte(config), "p.yaml", "")
		require.NoError(t, err)
		require.Equal(t, config, string(got))
		require.False(t, s.Any())
		require.Equal(t, "text", s.Hide("text"))
	}
}

func TestErrorsNameTheSecretAndNotWhatItIs(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "empty"), []byte("\n"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "huge"), []byte(strings.Repeat("x", 1<<17)), 0o600))
	t.Setenv("SECRET_EMPTY", "")
	t.Setenv("SECRET_BYTES", "\xff\xfe")
	for config, says := range map[string]string{
		`{"a":{"b":{"$env":"SECRET_MISSING"}}}`: "p.yaml: config.a.b: the environment variable SECRET_MISSING is not set",
		`{"a":{"$env":"SECRET_EMPTY"}}`:         "SECRET_EMPTY is not set",
		`{"a":{"$env":"SECRET_BYTES"}}`:         "no text in UTF-8",
		`{"a":[1,{"$file":"none"}]}`:            "config.a.1: the secret in ",
		`{"a":{"$file":"empty"}}`:               "is empty",
		`{"a":{"$file":"huge"}}`:                "over the limit",
		`{"a":{"$file":"."}}`:                   "not a regular file",
		`{"a":{"$env":3}}`:                      "config.a: a secret is written {$env: NAME}, alone",
		`{"a":{"$env":"HOME","b":1}}`:           "alone",
		`{"$env":`:                              "p.yaml: config: ",
	} {
		_, _, err := secret.Resolve([]byte(config), "p.yaml", dir)
		require.ErrorContains(t, err, says, config)
	}
}
