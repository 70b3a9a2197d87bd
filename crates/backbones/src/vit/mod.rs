//! Vision transformers with the parameter names of timm: plain, `DINOv2` and the image tower of
//! CLIP.
//!
//! Dosovitskiy et al., "An Image is Worth 16x16 Words" (ICLR 2021); Oquab et al., "`DINOv2`" (2023),
//! with layer scale, and registers of Darcet et al. (ICLR 2024); Radford et al., "Learning
//! Transferable Visual Models From Natural Language Supervision" (ICML 2021), with a norm before the
//! blocks, quick GELU and a projection of the class token.
//!
//! | here, as in timm | `DINOv2` of its authors | `DINOv2` at Hugging Face | CLIP of its authors, after `visual.` | CLIP at Hugging Face, after `vision_model.` |
//! |---|---|---|---|---|
//! | `patch_embed.proj` | same | `embeddings.patch_embeddings.projection` | `conv1` | `embeddings.patch_embedding` |
//! | `cls_token` | same | `embeddings.cls_token` | `class_embedding` | `embeddings.class_embedding` |
//! | `pos_embed` | same | `embeddings.position_embeddings` | `positional_embedding` | `embeddings.position_embedding` |
//! | `reg_token` | `register_tokens` | `embeddings.register_tokens` | | |
//! | `norm_pre` | | | `ln_pre` | `pre_layrnorm` |
//! | `blocks.0.norm1`, `norm2` | same | `encoder.layer.0.norm1` | `transformer.resblocks.0.ln_1` | `encoder.layers.0.layer_norm1` |
//! | `blocks.0.attn.qkv` | same | `attention.attention.{query,key,value}` | `attn.in_proj_weight` | `self_attn.{q,k,v}_proj` |
//! | `blocks.0.attn.proj` | same | `attention.output.dense` | `attn.out_proj` | `self_attn.out_proj` |
//! | `blocks.0.ls1.gamma` | same | `layer_scale1.lambda1` | | |
//! | `blocks.0.mlp.fc1`, `fc2` | same | same | `mlp.c_fc`, `mlp.c_proj` | same |
//! | `norm` | same | `layernorm` | `ln_post` | `post_layernorm` |
//! | `head` (projection) | | | `proj`, transposed | `visual_projection`, beside `vision_model` |
//!
//! The key maps are [`VitConfig::timm_keys`], [`VitConfig::dinov2_keys`],
//! [`VitConfig::hugging_face_dinov2_keys`], [`VitConfig::openai_clip_keys`] and
//! [`VitConfig::hugging_face_clip_keys`].

mod block;
mod config;
mod encoder;
mod keys;
mod positions;
mod presets;

pub use config::{VitActivation, VitConfig};
pub use encoder::Vit;
pub use positions::PositionResize;

#[cfg(test)]
mod tests;
