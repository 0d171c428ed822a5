package pipeline

import (
	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/host/pubsub"
	"github.com/happn-host/happn-host/host/session"
	"github.com/happn-host/happn-host/internal/rawjson"
)

// Delivery is a publication as a Recipients function sees it. The slices are
// borrowed until the function returns.
type Delivery struct {
	From    *session.Session // nil for what somebody else wrote, see Pipeline.External
	Action  abi.Action       // ActionSet or ActionRemove
	Path    []byte
	Data    []byte // raw JSON
	To      *session.Session
	Channel string // as subscribed, such as /ALL@/a/*
}

// Recipients decides for each subscriber that would get a publication whether it
// does. It is called by the goroutine that publishes, from many at once, and may
// be called twice about the same delivery: it must then answer alike.
type Recipients func(d *Delivery) bool

// filterRecipients asks the embedder about the subscribers of pub.
func (o *op) filterRecipients(pub *pubsub.Publication) {
	ask := o.peer.pipeline.Recipients
	d := Delivery{From: o.peer.session, Action: o.request.Action, Path: pub.Path, Data: pub.Data}
	pub.Recipients = func(to *session.Session, channel string) bool {
		d.To, d.Channel = to, channel
		return ask(&d)
	}
}

// subject is an op's publication as the criteria of subscriptions see it.
type subject struct {
	data []byte // as published
	doc  datastore.Document
}

// Satisfies implements pubsub.Judge. Criteria look at what is published: the
// path and data of the publication, and the times of the stored document.
func (o *op) Satisfies(f pubsub.Filter) bool {
	filter, ok := f.(datastore.Filter)
	if !ok {
		return false
	}
	if o.subject.doc.Path == "" {
		o.subject.doc = o.document()
	}
	return filter.Match(&o.subject.doc)
}

func (o *op) document() datastore.Document {
	doc := datastore.Document{Path: string(o.request.Path), Data: o.subject.data}
	if o.isSet() && o.doc != nil {
		doc.Created, doc.Modified = o.doc.Created, o.doc.Modified
		doc.ModifiedBy, doc.Tag = o.doc.ModifiedBy, o.doc.Tag
	}
	if !rawjson.IsObject(doc.Data) {
		doc.Data = []byte("{}") // a layer has made something else of it
	}
	return doc
}
