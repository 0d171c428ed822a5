package frames

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

// secured is what a recording of a server with access control needs.
type secured struct {
	args   []string                 // flags beside those of every such server
	setup  func(*replay)            // makes the users and groups
	acts   map[string]func(*replay) // what a note says the server's own code did
	before map[int]func(*replay)    // what it did before a line, without a note
	forged map[int]string           // digest logins that are signed with another key
}

// adminPassword is that of the recorded servers.
const adminPassword = "happn"

// secureArgs are flags of every replay on a server with access control: what
// was recorded used the default password, over the network, often.
func secureArgs(more ...string) []string {
	return append([]string{"--secure=true", "--security.adminPassword=" + adminPassword, "--security.allowDefaultPassword=true",
		"--security.adminOverNetwork=true", "--security.password.pbkdf2Iterations=1000",
		"--security.loginRate.perAddress=0", "--security.loginRate.perUser=0"}, more...)
}

// TestASecureServerAnswersAsRecorded replays the recordings 12 to 18 and 24 to 26.
// What the recorded server's own code did is done over the management API.
func TestASecureServerAnswersAsRecorded(t *testing.T) {
	skipReference(t)
	for _, s := range secureScripts() {
		s.settings.Name = serverName
		s.settings.Args = secureArgs(s.secure.args...)
		t.Run(s.name, func(t *testing.T) {
			defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
			t.Run("replay", func(t *testing.T) { run(t, s) })
		})
	}
}

func (p *replay) prepareSecure() {
	p.matcher.users = true
	p.operator = logIn(p.t, p.server)
	p.script.secure.setup(p)
}

// operate does what the server's own code did before a line of the recording.
func (p *replay) operate(l line) {
	act := p.script.secure.before[l.number]
	if l.Event == "note" && act == nil {
		act = p.script.secure.acts[l.Note]
	}
	if act != nil {
		p.settle()
		act(p)
	}
}

// waits is an act that lets time pass which the server was configured with.
func waits(d time.Duration) func(*replay) {
	return func(*replay) { time.Sleep(d) }
}

var (
	recordedKey    = regexp.MustCompile(`"publicKey":"(-----BEGIN(?:[^"\\]|\\.)*)"`)
	recordedDigest = regexp.MustCompile(`"digest":"[^"]*"`)
)

// escaped is text as it stands between the quotes of a frame.
func escaped(text string) string {
	raw, err := json.Marshal(text)
	if err != nil {
		return ""
	}
	return strings.Trim(string(raw), `"`)
}

// keyOf makes a key pair to stand for the recorded one, and returns its public
// part. The recording does not have the private one.
func (p *replay) keyOf() string {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(p.t, err)
	p.private = private
	public := string(pem.EncodeToMemory(&pem.Block{Type: "RSA PUBLIC KEY", Bytes: x509.MarshalPKCS1PublicKey(&private.PublicKey)}))
	for _, l := range p.lines {
		if l.sent() {
			if found := recordedKey.FindStringSubmatch(*l.Frame); found != nil {
				require.True(p.t, p.tokens.pair(found[1], escaped(public)))
				return public
			}
		}
	}
	require.Fail(p.t, "the recording has no key")
	return ""
}

// signed puts a signature of this run's nonce in place of the recorded one.
func (p *replay) signed(l line, frame string) string {
	if p.private == nil || !recordedDigest.MatchString(frame) {
		return frame
	}
	key := p.private
	if p.script.secure.forged[l.number] != "" {
		other, err := rsa.GenerateKey(rand.Reader, 2048)
		require.NoError(p.t, err)
		key = other
	}
	raw, err := base64.StdEncoding.DecodeString(p.matcher.nonce)
	require.NoError(p.t, err)
	hashed := sha256.Sum256(raw)
	signature, err := rsa.SignPKCS1v15(nil, key, crypto.SHA256, hashed[:])
	require.NoError(p.t, err)
	return recordedDigest.ReplaceAllLiteralString(frame, `"digest":"`+base64.StdEncoding.EncodeToString(signature)+`"`)
}

// withoutWriters drops the names of those who wrote a document, see "Who wrote a
// document is kept" in docs/differences.md.
func withoutWriters(v any) any {
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			withoutWriters(item)
		}
	case map[string]any:
		if meta, ok := v["_meta"].(map[string]any); ok && meta["created"] != nil {
			delete(meta, "modifiedBy")
		}
		withoutWriters(v["data"])
	}
	return v
}

// sessionOf returns the id, in this run, of a connection's session.
func (p *replay) sessionOf(conn int) string {
	p.t.Helper()
	for _, l := range p.lines {
		if l.Conn == conn && l.received() && strings.HasPrefix(*l.Frame, `{"data":{"msgCount"`) {
			id := p.tokens.live[uuid.FindString(*l.Frame)]
			require.NotEmpty(p.t, id)
			return id
		}
	}
	require.Fail(p.t, "no session")
	return ""
}

// statelessToken has the server make the token that is sent on a line, by a
// login over HTTP.
func (p *replay) statelessToken(sentAt int, user, password string) {
	p.t.Helper()
	sent := regexp.MustCompile(`"token":"([^"]+)"`).FindStringSubmatch(*p.lines[sentAt-1].Frame)
	require.NotNil(p.t, sent)
	require.True(p.t, p.tokens.pair(sent[1], httpToken(p.t, p.server, user, password)))
}

func TestAWriterIsDroppedFromDocumentsOnly(t *testing.T) {
	v, err := parse(`[{"modifiedBy":"x","_meta":{"created":1,"modifiedBy":"bob"}},{"data":{"_meta":{"created":1,"modifiedBy":"bob"}},"_meta":{"modifiedBy":"bob"}}]`)
	require.NoError(t, err)
	require.JSONEq(t, `[{"modifiedBy":"x","_meta":{"created":1}},{"data":{"_meta":{"created":1}},"_meta":{"modifiedBy":"bob"}}]`, show(withoutWriters(v)))
}
