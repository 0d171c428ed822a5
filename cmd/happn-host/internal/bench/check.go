package bench

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
)

// The members of a document's data that are checked.
const (
	idMark      = `"id":"`
	keyMember   = `"key":"`
	timeMember  = `"t":"`
	channelMark = `"channel":"/ALL@`
)

// checkData checks that a message carries the data that was stored or sent
// with a key and a value. It searches for the two numbers; only if they are
// not where every server has been seen to put them, it decodes.
func checkData(m []byte, size int, key, value uint64) error {
	id, ok := numberAfter(m, idMark)
	k, ok2 := numberAfter(m, keyMember)
	if ok && ok2 && id == value && k == key && len(m) > size {
		return nil
	}
	a, err := decode(m)
	if err != nil {
		return err
	}
	return checkObject(a.Data, key, value)
}

func checkObject(raw []byte, key, value uint64) error {
	var data struct{ ID, Key, Pad string }
	if err := json.Unmarshal(raw, &data); err != nil {
		return fmt.Errorf("data is not what was stored: %w", err)
	}
	if number(data.ID) != value || number(data.Key) != key {
		return fmt.Errorf("data has id %q and key %q, should be %d and %d", data.ID, data.Key, value, key)
	}
	return nil
}

func number(text string) uint64 {
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return ^uint64(0)
	}
	return n
}

// checkList checks that a list has exactly n documents, all with the key.
func checkList(m []byte, size, n int, key uint64) error {
	member := strconv.AppendUint(nil, key, 10)
	member = append(append([]byte(keyMember), "0000000000"[len(member):]...), member...)
	if bytes.Count(m, member) == n && bytes.Count(m, []byte(idMark)) == n && len(m) > n*size {
		return nil
	}
	a, err := decode(m)
	if err != nil {
		return err
	}
	if len(a.items) != n {
		return fmt.Errorf("%d documents, should be %d", len(a.items), n)
	}
	for i, item := range a.items {
		if err = checkObject(item, key, uint64(i)); err != nil {
			return fmt.Errorf("document %d: %w", i, err)
		}
	}
	return nil
}

// tally counts the publications of one publisher that a subscriber has got.
// Together with the sum of their numbers it shows losses and duplicates.
type tally struct{ count, sum int64 }

func (t *tally) add(value uint64) {
	t.count++
	t.sum += int64(value)
}

// complete checks that the numbers 1 to n have come, each once.
func (t tally) complete(n int64) error {
	if t.count != n {
		return fmt.Errorf("%d publications came, %d were sent", t.count, n)
	}
	if t.sum != n*(n+1)/2 {
		return fmt.Errorf("the %d publications that came are not the %d that were sent: some came twice", n, n)
	}
	return nil
}
