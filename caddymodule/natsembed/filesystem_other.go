//go:build !linux

package natsembed

// FileSystem is not known here.
func FileSystem(string) string { return "" }
