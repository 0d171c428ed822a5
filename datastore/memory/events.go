package memory

import (
	"fmt"
	"strings"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/wal"
)

// pebbleLogger hands on what pebble says.
type pebbleLogger struct{ disk *disk }

// Infof implements pebble.Logger. What pebble tells about replaying the log it
// tells nowhere else.
func (l pebbleLogger) Infof(format string, args ...any) {
	if strings.Contains(format, "stopped reading at offset") && len(args) == 5 {
		offset, _ := args[2].(wal.Offset)
		keys, _ := args[3].(int64)
		l.disk.log.replayed(offset, keys)
	}
	l.disk.logger.Debug("pebble: " + fmt.Sprintf(format, args...))
}

// Errorf implements pebble.Logger.
func (l pebbleLogger) Errorf(format string, args ...any) {
	l.disk.logger.Error("pebble: " + fmt.Sprintf(format, args...))
}

// Fatalf implements pebble.Logger. Pebble relies on it not to return, and may
// hold its locks, so its goroutine ends its work here; see disk.
func (l pebbleLogger) Fatalf(format string, args ...any) {
	e := &fatal{text: fmt.Sprintf(format, args...)}
	for _, arg := range args {
		if err, ok := arg.(error); ok {
			e.cause = err
		}
	}
	l.disk.die(e)
	select {}
}

// fatal is why pebble gave up, in its words.
type fatal struct {
	text  string
	cause error // nil if it was not told
}

// Error implements error.
func (f *fatal) Error() string { return f.text }

// Unwrap returns the cause.
func (f *fatal) Unwrap() error { return f.cause }

// events is what the disk wants to know while it runs.
func (d *disk) events() *pebble.EventListener {
	return &pebble.EventListener{
		BackgroundError: func(err error) {
			d.background.Store(&err)
			d.logger.Error("the data folder cannot take more, writes will wait; free space or repair the disk",
				"dir", d.dir, "error", err)
		},
		FlushEnd: func(info pebble.FlushInfo) {
			if info.Err == nil {
				d.background.Store(nil)
			}
		},
		LowDiskSpace: func(info pebble.LowDiskSpaceInfo) {
			d.logger.Warn("the data folder's disk is getting full", "dir", d.dir,
				"available", info.AvailBytes, "total", info.TotalBytes)
		},
		DataCorruption: func(info pebble.DataCorruptionInfo) {
			d.logger.Error("a file in the data folder is damaged; restore it from a backup",
				"dir", d.dir, "file", info.Path, "error", info.Details)
		},
	}
}
