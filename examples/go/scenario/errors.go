package main

import (
	"context"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/code"
	rpc "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/status"

	llmprices "example.com/llmprices-client/gen/llmprices/v1"
)

// causeErrors makes calls that fail, and reads why.
func causeErrors(pricing pricingClient, name string) {
	ctx := context.Background()
	_, err := pricing.CreateLLMPrice(ctx, &llmprices.CreateLLMPriceRequest{
		ChargeType: "Not a type", Provider: name, Model: models[0], Price: "-1",
	})
	printStep("wrong fields", append(codeAndReason(err), violations(err)...)...)

	_, err = pricing.CalculateCharge(ctx, charge(name, "model-6", 0))
	printStep("missing price", append(codeAndReason(err), errorInfo(err).Metadata["nearest_1"])...)
}

// deadline keeps an allocation open for longer than it may take.
func deadline(pricing pricingClient, name string) {
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	stream := must(pricing.StreamAllocateCharges(ctx))
	must(0, stream.Send(&llmprices.StreamAllocateChargesRequest{Terms: allocationTerms(name)}))
	_, err := stream.Recv()
	printStep("deadline", codeOf(status.Convert(err).Proto()))
}

// retry calls a server that is not available at first.
func retry(pricing pricingClient, name string) {
	answer := must(pricing.CalculateCharge(context.Background(), charge(name, models[0], 0)))
	printStep("retry", answer.AccountCharge)
}

func codeAndReason(err error) []string {
	return []string{codeOf(status.Convert(err).Proto()), errorInfo(err).Reason}
}

// batchError reads the status that a batch has in place of a charge.
func batchError(failed *rpc.Status) []string {
	return []string{strings.Join(codeAndReason(status.FromProto(failed).Err()), " ")}
}

func codeOf(status *rpc.Status) string {
	return code.Code(status.GetCode()).String()
}
