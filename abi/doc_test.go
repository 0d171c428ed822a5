package abi_test

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/abi"
)

func TestTheContractInWordsKnowsEveryNumber(t *testing.T) {
	text, err := os.ReadFile("ABI.md")
	require.NoError(t, err)
	doc := string(text)
	for a := abi.Action(1); a <= abi.MaxAction; a++ {
		require.Contains(t, strings.Join(strings.Fields(doc), " "), strconv.Itoa(int(a))+" "+a.String())
	}
	for s := abi.SectionPath; s.String() != ""; s++ {
		require.Contains(t, doc, "| "+strconv.Itoa(int(s))+" | "+s.String()+" |")
	}
	for v := abi.Verdict(1); v <= abi.VerdictError; v++ {
		if name := v.String(); name != "" {
			require.Contains(t, doc, "| "+strconv.Itoa(int(v))+" | "+strings.ToUpper(strings.ReplaceAll(name, "-", "_"))+" |")
		}
	}
	for k := abi.Kind(1); k <= abi.MaxKind; k++ {
		require.Contains(t, strings.Join(strings.Fields(doc), " "), strconv.Itoa(int(k))+" "+k.String())
	}
	for _, name := range []string{
		abi.ExportMarker, abi.ExportMemory, abi.ExportInitialize, abi.ExportBuf, abi.ExportInit, abi.ExportInbound, abi.ExportOutbound,
		abi.ExportProfile, abi.ExportAuth, abi.ExportSearch, abi.ExportHTTP, abi.ExportConnOpen, abi.ExportConnData,
		abi.ExportConnEvent, abi.ExportConnClose, abi.ExportTick, abi.ExportEvent, abi.ExportService, abi.ManifestSection, abi.SignatureSection,
		abi.ImportLog, abi.ImportNowMS, abi.ImportConfig, abi.ImportPayload, abi.ImportRandom,
		abi.ImportGet, abi.ImportFind, abi.ImportNext, abi.ImportClose, abi.ImportCount, abi.ImportSet, abi.ImportPublish,
		abi.ImportRemove, abi.ImportCall, abi.ImportAnswer, abi.ImportSessionGet, abi.ImportLastError,
		abi.OperationLogin, abi.OperationToken, abi.OperationRevoke, abi.OperationChangePassword, abi.OperationResetPassword,
		abi.ImportMetricDefine, abi.ImportMetricAdd,
		abi.ExtismEnvironment, abi.ExtismUser,
		abi.ImportConnSend, abi.ImportConnClose, abi.ImportConnState, abi.ImportConnTimer,
	} {
		require.Contains(t, doc, "`"+name+"`")
	}
}
