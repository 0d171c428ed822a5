package host

import "github.com/happn-host/happn-host/host/pipeline"

// Pipeline is where tests open what plugins open.
func (h *Host) Pipeline() *pipeline.Pipeline { return h.pipeline }
