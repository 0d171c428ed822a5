package host_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/datastore/memory"
	"github.com/happn-host/happn-host/host"
	"github.com/happn-host/happn-host/host/config"
	"github.com/happn-host/happn-host/security/durable"
	"github.com/happn-host/happn-host/security/payload"
)

// description is what a host says of itself.
func description(t *testing.T, h *host.Host) map[string]any {
	t.Helper()
	c, _, err := websocket.DefaultDialer.Dial("ws://"+h.Addr().String()+"/ws", nil)
	require.NoError(t, err)
	defer c.Close()
	require.NoError(t, c.WriteMessage(websocket.TextMessage, []byte(`{"action":"describe","eventId":1}`)))
	_, text, err := c.ReadMessage()
	require.NoError(t, err)
	var answer struct{ Data map[string]any }
	require.NoError(t, json.Unmarshal(text, &answer))
	return answer.Data
}

func TestOnlyAHostThatIsToldToAsksClientsToEncrypt(t *testing.T) {
	said := description(t, guarded(t, nil))
	assert.NotContains(t, said, "encryptPayloads")
	assert.NotContains(t, said, "publicKey")
	// The old clients would fail on an insecure server that asked them.
	assert.NotContains(t, description(t, start(t, func(c *config.Config) { c.Security.Payload.Encrypt = true })), "encryptPayloads")
	said = description(t, guarded(t, func(c *config.Config) { c.Security.Payload.Encrypt = true }))
	assert.Equal(t, true, said["encryptPayloads"])
	assert.NotEmpty(t, said["publicKey"])
}

// What happn-3 11.11.0 has stored.
const stored = `{"value":"{\"privateKey\":\"S8PWxI0w3Uzvt24G/JWTuzrsacuAcwwMO/o/FihWsAY=\",` +
	`\"publicKey\":\"A32Pkfp1WdrmaqA+ssQi4XXjF9woBEZcESw354R870lE\"}"}`

func TestAHostGoesOnWithTheKeyOfHappn3(t *testing.T) {
	store, err := memory.Open(memory.Options{Durability: memory.DurabilityNone})
	require.NoError(t, err)
	_, err = durable.Put(t.Context(), store, payload.Path, []byte(stored), time.Now())
	require.NoError(t, err)
	c := config.Default()
	c.Port, c.Data.Durability, c.Data.Dir, c.Plugins.Dir = 0, "none", "", ""
	c.Secure, c.Security.Payload.Encrypt, c.Security.Password.PBKDF2Iterations = true, true, 1000
	h, err := host.New(host.Options{Config: c, Store: store})
	require.NoError(t, err)
	defer stop(t, h)
	require.NoError(t, h.Start(t.Context()))
	assert.Equal(t, "A32Pkfp1WdrmaqA+ssQi4XXjF9woBEZcESw354R870lE", description(t, h)["publicKey"])
}
