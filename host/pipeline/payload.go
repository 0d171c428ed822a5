package pipeline

import (
	"bytes"
	"errors"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/protocol"
	"github.com/happn-host/happn-host/internal/rawjson"
	"github.com/happn-host/happn-host/security/payload"
)

// What is wrong with an encrypted request, or with one that is not encrypted.
var (
	errNoSecret = errors.New("this session has no secret to encrypt with: log in first, with the login encrypted to the server's key")
	errGarbled  = errors.New("the encrypted request cannot be read: it was changed on the way, or encrypted with another secret than this session's; log in again")
	errReplayed = errors.New("an encrypted request needs a larger eventId than the one before it: this one is old, or was sent twice")
	errInClear  = errors.New("this session is encrypted, and so are its requests: send {\"encrypted\":...}, or log in without encryption")
	errNotLogin = errors.New("a login is encrypted to the server's key, in its data")
	errNotKeys  = errors.New("an encrypted login is from the key that it names, inside and outside: it was changed on the way, or put together wrongly")
)

// unseal puts the request that an encrypted frame holds in place of the frame's
// own, and reports whether to go on with what w holds. Clients encrypt their
// login to the server's key, and what they ask about data with the secret that
// they got for it. Their other requests they never encrypted.
func (peer *Peer) unseal(w *worker, frame []byte) bool {
	r := &w.request
	w.sealTo = ""
	var err error
	switch encrypted := peer.sealedText(r, frame); {
	case r.Action == abi.ActionLogin && r.Encrypted:
		err = peer.unsealLogin(w)
	case encrypted != nil:
		err = peer.unsealRequest(w, encrypted)
	case peer.session.Cipher() != nil && aboutData(r.Action):
		err = errInClear // somebody else may have slipped it in
	}
	if err != nil {
		peer.fail(w, protocol.NewError(err.Error()))
		return false
	}
	return true
}

// sealedText returns what the member encrypted of a frame holds, nil if it has none.
func (peer *Peer) sealedText(r *protocol.Request, frame []byte) []byte {
	if !r.Encrypted {
		return nil
	}
	raw, _ := rawjson.Lookup(frame[rawjson.Space(frame, 0):], "encrypted")
	if !rawjson.IsString(raw) {
		return nil
	}
	return rawjson.Unquote(raw)
}

// aboutData reports whether clients that encrypt encrypt this request.
func aboutData(a abi.Action) bool {
	switch a {
	case abi.ActionGet, abi.ActionSet, abi.ActionRemove, abi.ActionOn, abi.ActionOff, abi.ActionCount, abi.ActionAck:
		return true
	}
	return false
}

// unsealRequest decrypts a request. Nothing in it is authenticated, so that what
// was changed on the way is noticed only if it does not look like a request any
// more; what was merely repeated is.
func (peer *Peer) unsealRequest(w *worker, encrypted []byte) error {
	cipher := peer.session.Cipher()
	if cipher == nil {
		return errNoSecret
	}
	outer, r := w.request, &w.request
	var err error
	if w.opened, err = cipher.Open(w.opened[:0], encrypted); err == nil {
		err = w.decode.Decode(w.opened, r)
	}
	switch {
	case err != nil:
		err = errGarbled
	case r.Action == abi.ActionLogin:
		err = errNotLogin
	case r.EventNumber() <= peer.sealed:
		err = errReplayed
	}
	if err != nil {
		*r = outer
		return err
	}
	peer.sealed, r.Encrypted = r.EventNumber(), false
	return nil
}

// unsealLogin decrypts the data of a login. They name the key of the client, to
// which the answer goes: it must be the one that has encrypted them, or whoever
// sends another's login again would get the session.
func (peer *Peer) unsealLogin(w *worker) error {
	r := &w.request
	encrypted, _ := rawjson.Lookup(r.Data, "encrypted")
	key, _ := rawjson.Lookup(r.Data, "publicKey")
	sealed, err := payload.ParseBuffer(encrypted)
	if err != nil {
		return err
	}
	text, sender, err := peer.pipeline.Payload.Open(sealed)
	if err != nil {
		return err
	}
	scan := rawjson.Scanner{MaxDepth: peer.pipeline.MaxJSONDepth}
	if text = bytes.TrimSpace(text); scan.Valid(text) != nil || !rawjson.IsObject(text) {
		return errGarbled
	}
	if scan.LineSeparators {
		text = rawjson.EscapeLineSeparators(text)
	}
	own, _ := rawjson.Lookup(text, "publicKey")
	if !payload.SameKey(sender, string(rawjson.Unquote(key))) || !payload.SameKey(sender, string(rawjson.Unquote(own))) {
		return errNotKeys
	}
	r.Data, r.Encrypted, w.sealTo = text, false, sender
	return nil
}

// sendLogin answers a login. One that was encrypted gets a secret, with which the
// session encrypts from then on; any other ends the session's encryption.
func (peer *Peer) sendLogin(w *worker) {
	session, pair := peer.session, peer.pipeline.Payload
	if w.reply.Error != nil || w.sealTo == "" {
		w.out = protocol.AppendReply(w.out[:0], session.Version(), &w.request, &w.reply)
		w.batch.SendOpen(session, w.out, false)
		if w.reply.Error == nil {
			session.Encrypt(nil)
		}
		return
	}
	derivation := payload.Derived
	if session.Version() == protocol.V4 {
		derivation = payload.Direct
	}
	secret := payload.NewSecret(derivation)
	w.reply.Data = withSecret(w.reply.Data, secret.Text())
	sealed, err := pair.Seal(w.sealTo, protocol.AppendReply(nil, session.Version(), &w.request, &w.reply))
	if err != nil { // not for a key that has sealed the login
		w.sealTo = ""
		peer.fail(w, protocol.NewError(err.Error()))
		return
	}
	w.out = payload.AppendBuffer(append(w.out[:0], `{"encrypted":`...), sealed)
	w.out = append(w.out, `,"_meta":{"type":"login"},"publicKey":`...)
	w.out = append(rawjson.AppendString(w.out, pair.PublicKey()), '}')
	w.batch.SendOpen(session, w.out, false)
	// Not before: until the client has read this, it has nothing to decrypt with.
	session.Encrypt(secret)
}

// withSecret adds the secret to a session's record.
func withSecret(record []byte, secret string) []byte {
	out := append([]byte(`{"isEncrypted":true,"secret":"`), secret...)
	out = append(out, '"')
	for name, value := range rawjson.Members(record) {
		out = rawjson.AppendString(append(out, ','), name)
		out = append(append(out, ':'), value...)
	}
	return append(out, '}')
}
