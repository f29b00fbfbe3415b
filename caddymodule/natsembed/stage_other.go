//go:build !linux

package natsembed

const memoryRoot = ""

// memoryDir is not known here.
func memoryDir(int64) (string, bool) { return "", false }
