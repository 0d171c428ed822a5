package answer

import (
	"errors"
	"fmt"
	"math"
	"strconv"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/pipeline"
	"github.com/happn-host/happn-host/internal/rawjson"
)

// Search is what a hook of kind search answers. A *pipeline.SearchError is
// its refusal.
func Search(verdict abi.Verdict, output []byte) (rec abi.Record, err error) {
	switch verdict {
	case abi.VerdictReplace:
		if err = rec.Decode(output); err == nil {
			err = CheckSection(abi.SectionData, &rec.Data)
		}
		if err == nil && rec.Options != nil {
			err = CheckSection(abi.SectionOptions, &rec.Options)
		}
		if err == nil && !rawjson.IsArray(rec.Data) {
			err = errors.New("data is no list")
		}
		return rec, err
	case abi.VerdictReject:
		return rec, &pipeline.SearchError{Told: ErrorSection(output)}
	}
	return rec, errors.New("hook failed: " + ErrorText(output))
}

// Hits reads what a query has found: at most limit of it is looked at.
func Hits(found *abi.Record, limit int) (hits []pipeline.Hit, more bool, err error) {
	said, _ := rawjson.Lookup(found.Options, "more")
	more = string(said) == "true"
	for raw := range rawjson.Elements(found.Data) {
		if len(hits) == limit {
			return hits, true, nil
		}
		path, _ := rawjson.Lookup(raw, "path")
		score, _ := rawjson.Lookup(raw, "score")
		value, ok := finite(score)
		if !rawjson.IsObject(raw) || !rawjson.IsString(path) || !ok {
			return nil, false, fmt.Errorf("hit %d is not {path: text, score: number}", len(hits))
		}
		hits = append(hits, pipeline.Hit{Path: string(rawjson.Unquote(path)), Score: value})
	}
	return hits, more, nil
}

// finite reads a JSON number.
func finite(raw []byte) (float64, bool) {
	if len(raw) == 0 || raw[0] != '-' && (raw[0] < '0' || raw[0] > '9') {
		return 0, false
	}
	f, err := strconv.ParseFloat(string(raw), 64)
	return f, err == nil && !math.IsInf(f, 0)
}

// Scores reads what an operator makes of values: a number or, unless it ranks,
// true for one that matches, null or false for one that does not.
func Scores(list []byte, ranks bool, scores []pipeline.Score) error {
	n := 0
	for raw := range rawjson.Elements(list) {
		if n == len(scores) {
			return fmt.Errorf("more than the %d scores that were asked for", n)
		}
		switch value, ok := finite(raw); {
		case ok:
			scores[n] = pipeline.Score{Value: value, Matches: true}
		case string(raw) == "true" && !ranks:
			scores[n] = pipeline.Score{Matches: true}
		case !rawjson.IsNull(raw) && string(raw) != "false":
			return fmt.Errorf("score %d is %s, which is neither a number nor null", n, ErrorText(raw[:min(len(raw), 40)]))
		}
		n++
	}
	if n != len(scores) {
		return fmt.Errorf("%d scores for %d values", n, len(scores))
	}
	return nil
}
