// Package secret puts secrets into the configuration of a plugin, which its operator's file
// names and does not have in clear, and blots them out of what plugins and errors say.
//
// It imports folder of host/plugin.
package secret
