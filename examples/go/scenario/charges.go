package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	llmprices "example.com/llmprices-client/gen/llmprices/v1"
)

// charge asks what an account pays that caused all of a cost of 10, at that version of the price
// book or a later one.
func charge(name, model string, minBookVersion int64) *llmprices.CalculateChargeRequest {
	return &llmprices.CalculateChargeRequest{
		ChargeType: name, Provider: name, Model: model, ProviderCost: "10",
		UsageRatio:     &llmprices.CalculateChargeRequest_AccountUsageRatio{AccountUsageRatio: "1"},
		MinBookVersion: minBookVersion,
	}
}

// calculate calculates a charge that is exact and one that has to be rounded. It answers the instant
// that the first was priced at.
func calculate(pricing pricingClient, name string, bookVersion int64) *timestamppb.Timestamp {
	ctx := context.Background()
	exact := must(pricing.CalculateCharge(ctx, charge(name, models[0], bookVersion)))
	printStep("calculate", exact.AccountCharge, exact.Markup, exactOrNot(exact))

	third := charge(name, models[0], bookVersion)
	third.UsageRatio = &llmprices.CalculateChargeRequest_AccountUsage{
		AccountUsage: &llmprices.AccountUsage{Usage: "1", TotalUsage: "3"},
	}
	rounded := must(pricing.CalculateCharge(ctx, third))
	printStep("calculate a third", rounded.AccountCharge, exactOrNot(rounded),
		fmt.Sprint(rounded.Rounding.GetScale(), " ", rounded.Rounding.Mode))
	return exact.AsOf
}

// batch calculates three charges, the second for a model that has no price.
func batch(pricing pricingClient, name string) {
	request := &llmprices.BatchCalculateChargesRequest{
		Requests: []*llmprices.CalculateChargeRequest{
			charge(name, models[0], 0), charge(name, "model-6", 0), charge(name, models[1], 0),
		},
	}
	answer := must(pricing.BatchCalculateCharges(context.Background(), request))
	var seen []string
	for _, result := range answer.Results {
		if err := result.GetError(); err != nil {
			seen = append(seen, batchError(err)...)
		} else {
			seen = append(seen, result.GetCharge().AccountCharge)
		}
	}
	printStep("batch", seen...)
}

// allocate splits a cost of 80 over three equal accounts, sent in two messages.
func allocate(pricing pricingClient, name string) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	stream := must(pricing.StreamAllocateCharges(ctx))
	requests := []*llmprices.StreamAllocateChargesRequest{
		{Terms: allocationTerms(name), AccountUsages: usages("alice", "bob")},
		{AccountUsages: usages("carol")},
	}
	for _, request := range requests {
		must(0, stream.Send(request))
	}
	must(0, stream.CloseSend())
	var seen []string
	var totals *llmprices.AllocationTotals
	for {
		part, err := stream.Recv()
		if err == io.EOF {
			break
		}
		for _, each := range must(part, err).AccountCharges {
			seen = append(seen, each.AccountId+" "+each.AccountCharge)
		}
		totals = part.Totals
	}
	printStep("allocate", append(seen, "total "+totals.TotalCharge)...)
}

func allocationTerms(name string) *llmprices.AllocationTerms {
	return &llmprices.AllocationTerms{
		ChargeType: name, Provider: name, Model: models[0], ProviderCost: "80", CurrencyCode: "USD",
	}
}

func usages(accounts ...string) []*llmprices.AllocationUsage {
	var usages []*llmprices.AllocationUsage
	for _, account := range accounts {
		usages = append(usages, &llmprices.AllocationUsage{AccountId: account, Usage: "1"})
	}
	return usages
}

func exactOrNot(charge *llmprices.CalculateChargeResponse) string {
	if charge.Exact {
		return "exact"
	}
	return "rounded"
}
