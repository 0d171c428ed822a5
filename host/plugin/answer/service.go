package answer

import (
	"errors"

	"github.com/happn-host/happn-host/abi"
)

// Service is what an answer to a call of a service means.
func Service(verdict abi.Verdict, output []byte) ([]byte, error) {
	switch verdict {
	case abi.VerdictPass:
		return nil, nil
	case abi.VerdictReject:
		return nil, errors.New(string(ErrorSection(output)))
	case abi.VerdictReplace:
		var out abi.Record
		err := out.Decode(output)
		if err == nil && out.Data != nil {
			err = CheckSection(abi.SectionData, &out.Data)
		}
		return out.Data, err
	}
	return nil, errors.New("hook failed: " + ErrorText(output))
}
