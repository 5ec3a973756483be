package main

import (
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/status"
)

// errorInfo returns why a call failed: a reason of its closed list, and its metadata.
func errorInfo(err error) *errdetails.ErrorInfo {
	for _, detail := range status.Convert(err).Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok {
			return info
		}
	}
	return &errdetails.ErrorInfo{}
}

// violations returns what is wrong with the request's fields, all of them at once.
func violations(err error) []string {
	var texts []string
	for _, detail := range status.Convert(err).Details() {
		if bad, ok := detail.(*errdetails.BadRequest); ok {
			for _, violation := range bad.FieldViolations {
				texts = append(texts, violation.Field+" "+violation.Description)
			}
		}
	}
	return texts
}
