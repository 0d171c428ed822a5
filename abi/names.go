package abi

// ManifestSection is the name of the custom section that holds a module's
// manifest as JSON.
const ManifestSection = "happn.manifest"

// SignatureSection is the name of the custom section that holds a module's
// signature.
const SignatureSection = "happn.signature"

// Exports of a raw module. Signatures are in ABI.md.
const (
	ExportMarker      = "happn_abi_v1" // () marks the version, never called
	ExportMarkerStem  = "happn_abi_v"  // what every version's marker begins with
	ExportMemory      = "memory"
	ExportInitialize  = "_initialize"   // () run once, before anything else, when present
	ExportBuf         = "happn_buf"     // (size i32) -> i32
	ExportInit        = "happn_init"    // (len i32) -> i32
	ExportInbound     = "happn_inbound" // this and the next seven: (len i32) -> i64
	ExportOutbound    = "happn_outbound"
	ExportProfile     = "happn_profile"
	ExportAuth        = "happn_auth"
	ExportSearch      = "happn_search"
	ExportHTTP        = "happn_http"
	ExportEvent       = "happn_event"
	ExportService     = "happn_service"
	ExportConnOpen    = "happn_conn_open"  // (conn i64, len i32) -> i64
	ExportConnData    = "happn_conn_data"  // (conn i64, len i32) -> i64
	ExportConnEvent   = "happn_conn_event" // (conn i64, len i32) -> i64
	ExportConnClose   = "happn_conn_close" // (conn i64, reason i32)
	ExportTick        = "happn_tick"       // (now_ms i64) -> i64
	ExtismEnvironment = "extism:host/env"  // what Extism modules import of Extism
	ExtismUser        = "extism:host/user" // what Extism modules import of the host
)

// ImportModule is the module name of every import that the host provides.
const ImportModule = "happn"

// Imports of module ImportModule. ABI.md gives signatures and says which
// version of the host provides each.
const (
	ImportLog          = "log"
	ImportNowMS        = "now_ms"
	ImportConfig       = "config"
	ImportFeatures     = "features"
	ImportPayload      = "payload"
	ImportRandom       = "random"
	ImportSessionGet   = "session_get"
	ImportGet          = "get"
	ImportFind         = "find"
	ImportNext         = "next"
	ImportClose        = "close"
	ImportCount        = "count"
	ImportSet          = "set"
	ImportRemove       = "remove"
	ImportPublish      = "publish"
	ImportCall         = "call"
	ImportAnswer       = "answer"
	ImportLastError    = "last_error"
	ImportConnSend     = "conn_send"
	ImportConnClose    = "conn_close"
	ImportConnState    = "conn_state"
	ImportConnTimer    = "conn_timer"
	ImportMetricDefine = "metric_define"
	ImportMetricAdd    = "metric_add"
)

// Operations that an authentication hook is asked for, in the options of its
// record. ABI.md says what each is given and what it answers.
const (
	OperationLogin          = "login"
	OperationToken          = "token"
	OperationRevoke         = "revoke"
	OperationChangePassword = "changePassword"
	OperationResetPassword  = "resetPassword"
)

// Levels of ImportLog.
const (
	LogDebug int32 = 0
	LogInfo  int32 = 1
	LogWarn  int32 = 2
	LogError int32 = 3
)

// Errno is the negative result of an import that failed.
type Errno int32

// The error numbers. Imports that return a length return one of these instead
// when they fail.
const (
	ErrnoInvalid     Errno = -1 // an argument is out of range or not valid
	ErrnoNotFound    Errno = -2 // there is no such thing
	ErrnoDenied      Errno = -3 // no grant covers it
	ErrnoUnsupported Errno = -4 // this host does not provide it
	ErrnoTooLarge    Errno = -5 // over a limit of size
	ErrnoLimit       Errno = -6 // over a limit of number or rate
	ErrnoInternal    Errno = -7 // the host failed; its log says why
	ErrnoRefused     Errno = -8 // another plugin or a condition refused it; ImportLastError says why
)

// Error makes an Errno an error.
func (e Errno) Error() string {
	switch e {
	case ErrnoInvalid:
		return "invalid argument"
	case ErrnoNotFound:
		return "not found"
	case ErrnoDenied:
		return "denied: no grant covers it"
	case ErrnoUnsupported:
		return "not provided by this host"
	case ErrnoTooLarge:
		return "too large"
	case ErrnoLimit:
		return "over a limit"
	case ErrnoInternal:
		return "the host failed"
	case ErrnoRefused:
		return "refused"
	}
	return "unknown error number"
}
