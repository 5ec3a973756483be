package main

import (
	"context"
	"strings"

	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	llmprices "example.com/llmprices-client/gen/llmprices/v1"
)

// register registers a charge type, a provider and five models.
func register(catalog catalogClient, name string) {
	ctx := context.Background()
	chargeType := must(catalog.CreateChargeType(ctx, &llmprices.CreateChargeTypeRequest{
		Name: name, RequestId: uuid.NewString(),
	}))
	provider := must(catalog.CreateProvider(ctx, &llmprices.CreateProviderRequest{
		Name: name, RequestId: uuid.NewString(),
	}))
	seen := []string{chargeType.ChargeType.Name, provider.Provider.Name}
	for _, model := range models {
		created := must(catalog.CreateModel(ctx, &llmprices.CreateModelRequest{
			Provider: name, Name: model, RequestId: uuid.NewString(),
		}))
		seen = append(seen, created.Model.Name)
	}
	printStep("register", seen...)
}

// createPrices prices every model, and repeats the last write, which is answered as it was before.
// It answers what the first write did.
func createPrices(pricing pricingClient, name string) *llmprices.CreateLLMPriceResponse {
	ctx := context.Background()
	var answers []*llmprices.CreateLLMPriceResponse
	var seen []string
	var request *llmprices.CreateLLMPriceRequest
	for i, model := range models {
		request = &llmprices.CreateLLMPriceRequest{
			ChargeType: name, Provider: name, Model: model, Price: prices[i],
			RequestId: uuid.NewString(),
		}
		answers = append(answers, must(pricing.CreateLLMPrice(ctx, request)))
		seen = append(seen, answers[i].LlmPrice.Price)
	}
	printStep("create", seen...)
	last, repeated := answers[len(answers)-1], must(pricing.CreateLLMPrice(ctx, request))
	printStep("repeat", sameOrNot(repeated.LlmPrice.Id, last.LlmPrice.Id)+" id")
	return answers[0]
}

// read reads a price by its id.
func read(pricing pricingClient, id string) {
	price := must(pricing.GetLLMPrice(context.Background(), &llmprices.GetLLMPriceRequest{
		Lookup: &llmprices.GetLLMPriceRequest_Id{Id: id},
	})).LlmPrice
	printStep("read", price.ChargeType, price.Provider, price.Model, price.Price, toText(price.EffectiveFrom),
		toText(price.EffectiveUntil))
}

// list lists a provider's prices, two a page.
func list(pricing pricingClient, name string) {
	var pages []string
	request := &llmprices.ListLLMPricesRequest{Provider: name, PageSize: 2}
	for {
		page := must(pricing.ListLLMPrices(context.Background(), request))
		var models []string
		for _, price := range page.LlmPrices {
			models = append(models, price.Model)
		}
		pages = append(pages, strings.Join(models, " "))
		if page.NextPageToken == "" {
			break
		}
		request.PageToken = page.NextPageToken
	}
	printStep("list", pages...)
}

// update changes the first price, calculates at the new price and at the one of an earlier instant,
// and gets an error with the etag from before.
func update(pricing pricingClient, name, etag string, earlier *timestamppb.Timestamp) {
	ctx := context.Background()
	key := &llmprices.LLMPriceKey{ChargeType: name, Provider: name, Model: models[0]}
	request := func() *llmprices.UpdateLLMPriceRequest {
		return &llmprices.UpdateLLMPriceRequest{
			Lookup: &llmprices.UpdateLLMPriceRequest_Key{Key: key},
			Price:  "1.75", Etag: etag, Reason: "a new contract", RequestId: uuid.NewString(),
		}
	}
	updated := must(pricing.UpdateLLMPrice(ctx, request()))
	printStep("update", updated.LlmPrice.Price)

	now := must(pricing.CalculateCharge(ctx, charge(name, models[0], updated.BookVersion)))
	printStep("calculate at the new price", now.AccountCharge)
	before := charge(name, models[0], updated.BookVersion)
	before.AsOf = earlier
	printStep("calculate at the earlier time", must(pricing.CalculateCharge(ctx, before)).AccountCharge)

	_, err := pricing.UpdateLLMPrice(ctx, request())
	printStep("stale etag", codeAndReason(err)...)
}

func sameOrNot(one, other string) string {
	if one == other {
		return "the same"
	}
	return "another"
}

// toText writes an instant in whole milliseconds as RFC 3339 has it, "open" for none.
func toText(instant *timestamppb.Timestamp) string {
	if instant == nil {
		return "open"
	}
	return instant.AsTime().Format("2006-01-02T15:04:05.000Z")
}

var (
	models = []string{"model-1", "model-2", "model-3", "model-4", "model-5"}
	prices = []string{"1.25", "1.5", "2", "0", "0.0000000001"}
)
