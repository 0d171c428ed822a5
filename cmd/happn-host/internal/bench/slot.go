package bench

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Placeholders in the text of a request: digits of the same number of
// characters take their place. They are printable and need no escapes.
const (
	eventMark = "~EVENT~~~~"          // the event id
	keyMark   = "~KEY~~~~~~"          // what the request is about: a document, a group, a topic
	valueMark = "~VALUE~~~~"          // the number of the request, unique on its connection
	timeMark  = "~TIME~~~~~~~~~~~~~~" // when it was sent, nanoseconds
	digits    = len(eventMark)
	timeWidth = len(timeMark)
)

// slot is one request under way at a time: a frame whose digits are replaced
// for each use.
type slot struct {
	frame  []byte
	event  []int // where in the frame the digits are
	key    []int
	value  []int
	time   []int
	number int       // of the slot on its connection
	next   uint64    // event id of its next use
	uses   [2]uint64 // key and value of the request under way
	sent   time.Time
	busy   bool
}

// newSlot makes a slot from the text of a request. The slots of a connection
// start at consecutive event ids and step by their number, so that an id tells
// its slot.
func newSlot(request string, number int) (*slot, error) {
	if strings.Count(request, eventMark) != 1 {
		return nil, fmt.Errorf("request has no place for its event id: %.100s", request)
	}
	s := &slot{frame: appendFrame(nil, opText, []byte(request)), number: number}
	s.next = firstEvent + uint64(number)
	s.event = places(s.frame, eventMark)
	s.key = places(s.frame, keyMark)
	s.value = places(s.frame, valueMark)
	s.time = places(s.frame, timeMark)
	return s, nil
}

func places(frame []byte, mark string) []int {
	var found []int
	for at := 0; ; {
		i := bytes.Index(frame[at:], []byte(mark))
		if i < 0 {
			return found
		}
		found = append(found, at+i)
		at += i + len(mark)
	}
}

// use fills in the digits of the next request.
func (s *slot) use(key, value uint64, now time.Time) {
	put(s.frame, s.event, s.next, digits)
	put(s.frame, s.key, key, digits)
	put(s.frame, s.value, value, digits)
	if s.time != nil {
		put(s.frame, s.time, uint64(now.UnixNano()), timeWidth)
	}
	s.uses = [2]uint64{key, value}
	s.sent = now
	s.busy = true
}

// put writes a number with leading zeros at every place.
func put(frame []byte, at []int, n uint64, width int) {
	if len(at) == 0 {
		return
	}
	first := frame[at[0] : at[0]+width]
	for i := width - 1; i >= 0; i-- {
		first[i] = byte('0' + n%10)
		n /= 10
	}
	for _, other := range at[1:] {
		copy(frame[other:], first)
	}
}

// numberAfter reads the digits that follow a mark in a message.
func numberAfter(m []byte, mark string) (uint64, bool) {
	i := bytes.Index(m, []byte(mark))
	if i < 0 {
		return 0, false
	}
	return leadingNumber(m[i+len(mark):])
}

func leadingNumber(b []byte) (n uint64, ok bool) {
	for _, c := range b {
		if c < '0' || c > '9' {
			break
		}
		n, ok = n*10+uint64(c-'0'), true
	}
	return n, ok
}

// payload is the data of a document, size bytes of JSON. The search for an
// answer's id relies on it not containing the word eventId.
func payload(size int, timed bool) string {
	head := `{"id":"` + valueMark + `","key":"` + keyMark + `"`
	if timed {
		head += `,"t":"` + timeMark + `"`
	}
	head += `,"pad":"`
	return head + strings.Repeat("x", max(0, size-len(head)-2)) + `"}`
}

// requestText is the text of a request for newSlot.
func requestText(action, path, data, session, options string) string {
	text := `{"action":"` + action + `","eventId":` + eventMark + `,"path":"` + path + `","data":` + data
	if session != "" {
		text += `,"sessionId":` + strconv.Quote(session)
	}
	if options != "" {
		text += `,"options":` + options
	}
	return text + "}"
}
