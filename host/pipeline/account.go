package pipeline

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/protocol"
	"github.com/happn-host/happn-host/internal/rawjson"
)

// login carries out a login request. Without access control anybody may.
func (peer *Peer) login(r *protocol.Request) Refusal {
	info, _ := rawjson.Lookup(r.Data, "info")
	peer.session.Login(info)
	if peer.pipeline.Access == nil {
		return Refusal{}
	}
	return peer.pipeline.Access.Login(peer.context(), peer.session, r.Data)
}

// nonce returns what a client signs to log in by a key.
func (peer *Peer) nonce(r *protocol.Request) (string, *protocol.Error) {
	key, _ := rawjson.Lookup(r.Data, "publicKey")
	if !protocol.Truthy(key) {
		return "", protocol.NewError("no public key with request")
	}
	if peer.pipeline.Access != nil {
		return peer.pipeline.Access.Nonce(string(rawjson.Unquote(key)))
	}
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails, see its documentation
	return base64.StdEncoding.EncodeToString(b[:]), nil
}

// account carries out the requests of a session about its own token, password
// and children (happn-wire.md, 4.4 to 4.6).
func (peer *Peer) account(w *worker) {
	access, r := peer.pipeline.Access, &w.request
	if access == nil && r.Action != abi.ActionDisconnectKids {
		peer.fail(w, protocol.NewError("Cannot "+string(bytes.Trim(r.Name, `"`))+" Not Secure"))
		return
	}
	var failure *protocol.Error
	var after func()
	switch r.Action {
	case abi.ActionRevokeToken:
		after, failure = access.RevokeToken(peer.context(), peer.session)
	case abi.ActionChangePassword:
		failure = access.ChangePassword(peer.context(), peer.session, r.Data)
	default:
		if access != nil {
			access.DisconnectChildren(peer.session)
		}
	}
	if failure != nil {
		peer.fail(w, failure)
		return
	}
	peer.respond(w)
	if after != nil {
		after() // what it sends leaves behind the answer, and with it: the client closes when it reads that
	}
}
